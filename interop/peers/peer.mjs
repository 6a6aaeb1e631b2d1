// Does what the lines on standard input ask for, with npm jose, and answers each
// with a line: {"answer"} or {"error"}.
import * as jose from 'jose'
import { createInterface } from 'node:readline'

const bytes = (text) => new TextEncoder().encode(text)
const text = (b) => new TextDecoder().decode(b)

// A secret or a password is given as bytes, everything else as a JWK.
async function key({ jwk, alg }) {
  return jwk.kty === 'oct' ? jose.base64url.decode(jwk.k) : jose.importJWK({ ...jwk, alg: undefined, use: undefined }, alg)
}

async function sign({ shape, keys, payload }) {
  const header = ({ alg, jwk }) => ({ alg, kid: jwk.kid, ...(shape.unencoded && { b64: false, crit: ['b64'] }) })
  const body = bytes(payload)
  if (!shape.json && !shape.detached) {
    return new jose.CompactSign(body).setProtectedHeader(header(keys[0])).sign(await key(keys[0]))
  }
  let out
  if (keys.length === 1) {
    out = await new jose.FlattenedSign(body).setProtectedHeader(header(keys[0])).sign(await key(keys[0]))
  } else {
    const message = new jose.GeneralSign(body)
    for (const k of keys) message.addSignature(await key(k)).setProtectedHeader(header(k))
    out = await message.sign()
  }
  if (shape.detached) delete out.payload
  else if (shape.unencoded) out.payload = payload // which npm jose leaves to its caller
  return shape.json ? JSON.stringify(out) : `${out.protected}..${out.signature}`
}

async function verify({ shape, keys, payload, token }) {
  const o = { algorithms: [keys[0].alg] }
  const k = await key(keys[0])
  if (!shape.json && !shape.detached) return text((await jose.compactVerify(token, k, o)).payload)
  let message
  if (shape.json) message = JSON.parse(token)
  else [message] = [token.split('..')].map(([header, signature]) => ({ protected: header, signature }))
  if (shape.detached) message.payload = shape.unencoded ? bytes(payload) : jose.base64url.encode(payload)
  const read = message.signatures ? jose.generalVerify : jose.flattenedVerify
  return text((await read(message, k, o)).payload)
}

async function encrypt({ shape, enc, keys, payload }) {
  const { alg, jwk } = keys[0]
  const body = bytes(payload)
  const zip = shape.zip && { zip: 'DEF' }
  if (!shape.json) {
    return new jose.CompactEncrypt(body).setProtectedHeader({ alg, enc, kid: jwk.kid, ...zip }).encrypt(await key(keys[0]))
  }
  let message
  if (keys.length === 1) {
    message = new jose.FlattenedEncrypt(body).setProtectedHeader({ alg, enc, kid: jwk.kid, ...zip })
  } else {
    message = new jose.GeneralEncrypt(body).setProtectedHeader({ enc, ...zip })
    for (const k of keys) message.addRecipient(await key(k)).setUnprotectedHeader({ alg: k.alg, kid: k.jwk.kid })
  }
  if (shape.aad) message.setAdditionalAuthenticatedData(bytes(shape.aad))
  return JSON.stringify(await (keys.length === 1 ? message.encrypt(await key(keys[0])) : message.encrypt()))
}

async function decrypt({ shape, enc, keys, token }) {
  const o = { keyManagementAlgorithms: [keys[0].alg], contentEncryptionAlgorithms: [enc], maxPBES2Count: 200000 }
  const k = await key(keys[0])
  if (!shape.json) return text((await jose.compactDecrypt(token, k, o)).plaintext)
  const message = JSON.parse(token)
  const out = await (message.recipients ? jose.generalDecrypt : jose.flattenedDecrypt)(message, k, o)
  if (text(out.additionalAuthenticatedData ?? bytes('')) !== shape.aad) throw new Error('another aad')
  return text(out.plaintext)
}

const thumbprint = ({ jwk }) => jose.calculateJwkThumbprint(jwk)

async function generate({ alg, crv }) {
  if (alg.startsWith('HS')) return JSON.stringify(await jose.exportJWK(await jose.generateSecret(alg, { extractable: true })))
  const { privateKey } = await jose.generateKeyPair(alg, { extractable: true, ...(crv && { crv }) })
  return JSON.stringify(await jose.exportJWK(privateKey))
}

async function fromPEM({ pem, alg }) {
  const o = { extractable: true }
  const read = pem.includes('CERTIFICATE') ? jose.importX509 : pem.includes('PRIVATE') ? jose.importPKCS8 : jose.importSPKI
  return JSON.stringify(await jose.exportJWK(await read(pem, alg, o)))
}

async function toPEM({ jwk, alg }) {
  const k = await jose.importJWK({ ...jwk, alg: undefined, use: undefined, key_ops: undefined }, alg, { extractable: true })
  return jwk.d ? jose.exportPKCS8(k) : jose.exportSPKI(k)
}

const operations = { sign, verify, encrypt, decrypt, thumbprint, generate, fromPEM, toPEM }

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
