// Plays the issuer's flows as npm openid-client does, and a few as oauth4webapi does,
// against a running jotward. Reads one JSON line; prints the name of each flow that held.
import { readFileSync } from 'node:fs'
import { strict as assert } from 'node:assert'
import * as oc from 'openid-client'
import * as oauth from 'oauth4webapi'
import { createRemoteJWKSet, jwtVerify } from 'jose'

const world = JSON.parse(readFileSync(0, 'utf8'))
const insecure = { execute: [oc.allowInsecureRequests] }
const issuer = new URL(world.issuer)
const key = await crypto.subtle.importKey('jwk', world.key, { name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign'])

// Browser keeps a cookie and fills in the issuer's pages.
class Browser {
  cookie = ''
  async ask(url, form) {
    const r = await fetch(new URL(url, issuer), {
      redirect: 'manual', method: form ? 'POST' : 'GET', body: form && new URLSearchParams(form),
      headers: this.cookie ? { cookie: this.cookie } : {},
    })
    const set = r.headers.get('set-cookie')
    if (set) this.cookie = set.split(';')[0]
    return { status: r.status, text: await r.text(), to: r.headers.get('location') }
  }
  fields(page) {
    const out = {}
    for (const [, name, value] of page.text.matchAll(/name="(\w+)" value="([^"]*)"/g))
      if (name !== 'decision') out[name] = value.replaceAll('&amp;', '&').replaceAll('&#43;', '+').replaceAll('&#34;', '"').replaceAll('&#39;', "'")
    return out
  }
  // walk goes through sign-in and consent until something leads away.
  async walk(url, signin, consent) {
    let page = await this.ask(url)
    if (page.text.includes('name="password"')) {
      const done = await this.ask(signin, { ...this.fields(page), username: world.username, password: world.password })
      assert.equal(done.status, 303, done.text)
      page = await this.ask(done.to)
    }
    if (page.text.includes('name="consent_token"')) page = await this.ask(consent, { ...this.fields(page), decision: 'allow' })
    return page
  }
  async authorize(url) {
    const back = await this.walk(url, '/signin', '/consent')
    assert.equal(back.status, 303, back.text)
    return new URL(back.to)
  }
}

const client = (id, auth, metadata) => oc.discovery(issuer, id, metadata, auth, insecure)
const held = (name) => console.log(name)
const refused = async (error, promise) => {
  const e = await promise.then(() => assert.fail(`${error} was to be refused`), (e) => e)
  assert.equal(e.error ?? e.cause?.error, error, String(e))
}

// A sign-in whose request is pushed and whose tokens are bound to a key.
const app = await client(world.public, oc.None(), { id_token_signed_response_alg: 'ES256', post_logout_redirect_uris: [world.bye] })
const DPoP = oc.getDPoPHandle(app, await oc.randomDPoPKeyPair('ES256'))
const browser = new Browser()
const verifier = oc.randomPKCECodeVerifier(), state = oc.randomState(), nonce = oc.randomNonce()
const request = {
  redirect_uri: world.redirect, scope: 'openid profile email read', state, nonce, code_challenge: await oc.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256',
}
const pushed = await oc.buildAuthorizationUrlWithPAR(app, request, { DPoP })
assert.deepEqual([...pushed.searchParams.keys()].sort(), ['client_id', 'request_uri'])
held('par')
const back = await browser.authorize(pushed)
const tokens = await oc.authorizationCodeGrant(app, back, { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true }, undefined, { DPoP })
assert.equal(tokens.token_type, 'dpop')
held('code with dpop')
await refused('invalid_grant', oc.refreshTokenGrant(app, tokens.refresh_token))
const next = await oc.refreshTokenGrant(app, tokens.refresh_token, undefined, { DPoP })
assert.notEqual(next.refresh_token, tokens.refresh_token)
held('refresh with dpop')
const info = await oc.fetchUserInfo(app, next.access_token, tokens.claims().sub, { DPoP })
assert.equal(info.preferred_username, world.username)
held('userinfo')

// Under Ed25519, which these write by its own name (RFC 9864).
const edwards = oc.getDPoPHandle(app, await oc.randomDPoPKeyPair('Ed25519'))
await refused('invalid_grant', oc.refreshTokenGrant(app, next.refresh_token, undefined, { DPoP: edwards }))
const machine = await client(world.confidential, oc.ClientSecretBasic(world.secret))
assert.equal((await oc.clientCredentialsGrant(machine, {}, { DPoP: edwards })).token_type, 'dpop')
held('dpop with Ed25519')

// The same without any of it.
const plain = { ...request, state: oc.randomState() }
const again = await browser.authorize(oc.buildAuthorizationUrl(app, plain))
const bare = await oc.authorizationCodeGrant(app, again, { pkceCodeVerifier: verifier, expectedState: plain.state, expectedNonce: nonce, maxAge: 600 })
assert.equal(bare.token_type, 'bearer')
held('code')
const posted = { ...request, state: oc.randomState(), response_mode: 'form_post' }
const form = await browser.walk(oc.buildAuthorizationUrl(app, posted), '/signin', '/consent')
const answer = new Request(world.redirect, { method: 'POST', body: new URLSearchParams(browser.fields(form)) })
await oc.authorizationCodeGrant(app, answer, { pkceCodeVerifier: verifier, expectedState: posted.state, expectedNonce: nonce })
held('form_post')

// Claims one by one, asked of the person who is meant.
const single = { ...request, scope: 'openid', state: oc.randomState(), login_hint: world.username, claims: JSON.stringify({ id_token: { email: { essential: true }, acr: { essential: true, values: ['pwd'] } }, userinfo: { name: null } }) }
const told = await oc.authorizationCodeGrant(app, await browser.authorize(oc.buildAuthorizationUrl(app, single)), { pkceCodeVerifier: verifier, expectedState: single.state, expectedNonce: nonce })
assert.match(told.claims().email, /@/)
assert.equal(told.claims().acr, 'pwd')
assert.equal(told.claims().name, undefined)
const few = await oc.fetchUserInfo(app, told.access_token, told.claims().sub)
assert.deepEqual(Object.keys(few).sort(), ['name', 'sub'])
await assert.rejects(async () => oc.authorizationCodeGrant(app, await browser.authorize(oc.buildAuthorizationUrl(app, { ...single, claims: JSON.stringify({ id_token: { acr: { essential: true, value: 'mfa' } } }) })), { pkceCodeVerifier: verifier, expectedState: single.state }), { error: 'unmet_authentication_requirements' })
held('claims, acr, login_hint')

// ID tokens that are encrypted for the client: it decrypts them, and holds what is inside to all the rest.
const pair = await crypto.subtle.generateKey({ name: 'ECDH', namedCurve: 'P-256' }, true, ['deriveBits', 'deriveKey'])
const half = { ...(await crypto.subtle.exportKey('jwk', pair.publicKey)), alg: 'ECDH-ES+A256KW', use: 'enc', kid: 'enc-1' }
for (const name of ['key_ops', 'ext']) delete half[name]
const made = await fetch(`${world.admin}/admin/v1/clients`, { method: 'POST', headers: { authorization: `Bearer ${world.adminToken}`, 'content-type': 'application/json' }, body: JSON.stringify({
  client_id: 'npm-sealed', public: true, grant_types: ['authorization_code', 'refresh_token'], redirect_uris: [world.redirect], scopes: ['openid', 'profile'], audiences: [world.audience],
  jwks: { keys: [half] }, id_token_encrypted_response_alg: 'ECDH-ES+A256KW', id_token_encrypted_response_enc: 'A256GCM',
}) })
assert.equal(made.status, 201, await made.text())
const sealed = await client('npm-sealed', oc.None())
oc.enableDecryptingResponses(sealed, ['A256GCM'], { key: pair.privateKey, alg: 'ECDH-ES+A256KW', kid: 'enc-1' })
const secret = { ...request, scope: 'openid profile', state: oc.randomState() }
const opened = await oc.authorizationCodeGrant(sealed, await browser.authorize(oc.buildAuthorizationUrl(sealed, secret)), { pkceCodeVerifier: verifier, expectedState: secret.state, expectedNonce: nonce, idTokenExpected: true })
assert.equal(opened.id_token.split('.').length, 5)
assert.equal(opened.claims().preferred_username, world.username)
const renewed = await oc.refreshTokenGrant(sealed, opened.refresh_token)
assert.equal(renewed.claims().sub, opened.claims().sub)
held('encrypted ID token')

// private_key_jwt, with introspection and revocation under it.
const service = await client(world.signer, oc.PrivateKeyJwt({ key, kid: world.key.kid }))
const own = await oc.clientCredentialsGrant(service, { scope: 'read' })
assert.equal((await oc.tokenIntrospection(service, own.access_token)).active, true)
await oc.tokenRevocation(service, own.access_token)
assert.equal((await oc.tokenIntrospection(service, own.access_token)).active, false)
held('private_key_jwt, introspection, revocation')
for (const [method, auth] of [['client_secret_basic', oc.ClientSecretBasic(world.secret)], ['client_secret_post', oc.ClientSecretPost(world.secret)]]) {
  await oc.clientCredentialsGrant(await client(world.confidential, auth), { scope: 'read' })
  held(method)
}

// A device.
const tv = await client(world.device, oc.None())
const device = await oc.initiateDeviceAuthorization(tv, { scope: 'openid read' })
const poll = () => oc.genericGrantRequest(tv, 'urn:ietf:params:oauth:grant-type:device_code', { device_code: device.device_code })
await refused('authorization_pending', poll())
const connected = await browser.walk(device.verification_uri_complete, '/device/signin', '/device')
assert.match(connected.text, /The device is connected/)
assert.ok((await poll()).refresh_token)
held('device')

// Token exchange: the service got a token that is for it.
const resource = await oc.initiateDeviceAuthorization(tv, { scope: 'read', resource: world.signer })
await browser.walk(resource.verification_uri_complete, '/device/signin', '/device')
const forService = await oc.genericGrantRequest(tv, 'urn:ietf:params:oauth:grant-type:device_code', { device_code: resource.device_code })
const delegated = await oc.genericGrantRequest(service, 'urn:ietf:params:oauth:grant-type:token-exchange', {
  subject_token: forService.access_token, subject_token_type: 'urn:ietf:params:oauth:token-type:access_token', scope: 'read',
})
const claims = JSON.parse(Buffer.from(delegated.access_token.split('.')[1], 'base64url'))
assert.equal(claims.act.sub, world.signer)
assert.equal(claims.sub, tokens.claims().sub)
held('token exchange')

// oauth4webapi reads the metadata of RFC 8414, and an access token as a resource server does.
const as = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', [oauth.allowInsecureRequests]: true }))
const asked = new Request('http://api.example/', { headers: { authorization: `Bearer ${bare.access_token}` } })
const read = await oauth.validateJwtAccessToken(as, asked, world.audience, { [oauth.allowInsecureRequests]: true })
assert.equal(read.client_id, world.public)
held('access token (RFC 9068)')

// Both register a client with an initial access token, of two uses; it signs a person in.
const wanted = { client_name: 'npm', redirect_uris: [world.redirect], grant_types: ['authorization_code', 'refresh_token'], token_endpoint_auth_method: 'client_secret_post', scope: 'openid read' }
const self = await oc.dynamicClientRegistration(issuer, wanted, undefined, { initialAccessToken: world.initial, ...insecure })
const selfVerifier = oc.randomPKCECodeVerifier()
const selfBack = await browser.authorize(oc.buildAuthorizationUrl(self, { redirect_uri: world.redirect, scope: 'openid read', state, code_challenge: await oc.calculatePKCECodeChallenge(selfVerifier), code_challenge_method: 'S256' }))
const selfTokens = await oc.authorizationCodeGrant(self, selfBack, { pkceCodeVerifier: selfVerifier, expectedState: state, idTokenExpected: true })
assert.ok((await oc.refreshTokenGrant(self, selfTokens.refresh_token)).access_token)
held('registration')

const open = { initialAccessToken: world.initial, [oauth.allowInsecureRequests]: true }
const known = await oauth.processDynamicClientRegistrationResponse(await oauth.dynamicClientRegistrationRequest(as, { ...wanted, token_endpoint_auth_method: 'none' }, open))
await assert.rejects(oauth.dynamicClientRegistrationRequest(as, wanted, open).then(oauth.processDynamicClientRegistrationResponse))
const manage = (method, token, body) => fetch(known.registration_client_uri, { method, body: body && JSON.stringify(body), headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' } })
assert.equal((await (await manage('GET', known.registration_access_token)).json()).client_name, 'npm')
const renamed = await (await manage('PUT', known.registration_access_token, { ...wanted, token_endpoint_auth_method: 'none', client_id: known.client_id, client_name: 'other' })).json()
assert.equal(renamed.client_name, 'other')
assert.equal((await manage('DELETE', known.registration_access_token)).status, 401)
assert.equal((await manage('DELETE', renamed.registration_access_token)).status, 204)
held('registration management')

// Sign-out ends the refresh tokens too.
const bye = await browser.ask(oc.buildEndSessionUrl(app, { id_token_hint: bare.id_token, post_logout_redirect_uri: world.bye, state: 'bye' }))
assert.equal(bye.to, `${world.bye}?state=bye`)
await refused('invalid_grant', oc.refreshTokenGrant(app, bare.refresh_token))
held('logout')

// And tells the application's back end, which verifies it as any other token.
const notice = new URLSearchParams(await (await fetch(world.out)).text()).get('logout_token')
const { payload } = await jwtVerify(notice, createRemoteJWKSet(new URL(app.serverMetadata().jwks_uri)), {
  issuer: world.issuer, audience: world.public, typ: 'logout+jwt', algorithms: ['ES256'], maxTokenAge: 120, requiredClaims: ['jti', 'iat', 'exp'],
})
assert.equal(payload.sid, bare.claims().sid)
assert.equal(payload.sub, bare.claims().sub)
assert.deepEqual(payload.events, { 'http://schemas.openid.net/event/backchannel-logout': {} })
assert.equal(payload.nonce, undefined)
held('back-channel logout')
