// Does what the lines on standard input ask for, with npm @sd-jwt/core and
// @sd-jwt/jwt-status-list, and answers each with a line: {"answer"} or {"error"}.
import { FlattenJSON, SDJwtInstance } from '@sd-jwt/core'
import { StatusList, createHeaderAndPayload, getListFromStatusListJWT, getStatusListFromJWT } from '@sd-jwt/jwt-status-list'
import * as crypto from 'node:crypto'
import { createInterface } from 'node:readline'

// The packages leave primitives to their caller: Node's own, ES256 alone.
const form = (key) => ({ key, dsaEncoding: 'ieee-p1363' })
const signer = (jwk) => {
  const key = crypto.createPrivateKey({ key: jwk, format: 'jwk' })
  return async (data) => crypto.sign('sha256', Buffer.from(data), form(key)).toString('base64url')
}
const checks = (jwk, data, sig) =>
  crypto.verify('sha256', Buffer.from(data), form(crypto.createPublicKey({ key: jwk, format: 'jwk' })), Buffer.from(sig, 'base64url'))

const instance = ({ issuer, holder, hash }) => new SDJwtInstance({
  signAlg: 'ES256',
  signer: issuer.d && signer(issuer),
  verifier: async (data, sig) => checks(issuer, data, sig),
  hashAlg: hash,
  hasher: async (data, alg) => crypto.createHash(alg.replace('-', '')).update(Buffer.from(data)).digest(),
  saltGenerator: async (length) => crypto.randomBytes(length).toString('base64url'),
  kbSignAlg: 'ES256',
  kbSigner: holder?.d && signer(holder),
  kbVerifier: async (data, sig, payload) => checks(payload.cnf.jwk, data, sig)
})

const operations = {
  issue: (q) => instance(q).issue(q.claims, q.frame, { header: { typ: q.typ, kid: q.issuer.kid } }),
  present: (q) => instance(q).present(q.token, q.frame, q.kb && { kb: { payload: q.kb } }),
  async verify(q) {
    const { payload, kb } = await instance(q).verify(q.token, { currentDate: q.now, ...(q.nonce && { keyBindingNonce: q.nonce }) })
    return JSON.stringify({ payload, audience: kb?.payload.aud ?? '' })
  },
  flatten: (q) => JSON.stringify(FlattenJSON.fromEncode(q.token).toJson()),
  unflatten: (q) => FlattenJSON.fromSerialized(JSON.parse(q.token)).toEncoded(),
  async list(q) {
    const { header, payload } = createHeaderAndPayload(new StatusList(q.statuses, q.bits), q.claims, { alg: 'ES256', kid: q.issuer.kid })
    const input = [header, payload].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')
    return `${input}.${await signer(q.issuer)(input)}`
  },
  statuses(q) {
    const list = getListFromStatusListJWT(q.token)
    return JSON.stringify({ bits: list.getBitsPerStatus(), statuses: list.statusList })
  },
  reference: (q) => JSON.stringify(getStatusListFromJWT(q.token))
}

for await (const line of createInterface({ input: process.stdin })) {
  let out
  try {
    const question = JSON.parse(line)
    out = { answer: await operations[question.op](question) }
  } catch (e) {
    out = { error: String(e) }
  }
  console.log(JSON.stringify(out))
}
