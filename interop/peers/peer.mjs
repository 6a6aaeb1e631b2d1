// Does what the lines on standard input ask for, with npm jose, and answers each
// with a line: {"token"}, {"payload"} or {"error"}.
import * as jose from 'jose'
import { createInterface } from 'node:readline'

const bytes = (text) => new TextEncoder().encode(text)
const text = (b) => new TextDecoder().decode(b)

// A secret or a password is given as bytes, everything else as a JWK.
async function key(jwk, alg) {
  return jwk.kty === 'oct' ? jose.base64url.decode(jwk.k) : jose.importJWK({ ...jwk, alg: undefined, use: undefined }, alg)
}

async function answer({ op, alg, enc, jwk, token, payload }) {
  const k = await key(jwk, alg)
  switch (op) {
    case 'sign':
      return { token: await new jose.CompactSign(bytes(payload)).setProtectedHeader({ alg, kid: jwk.kid }).sign(k) }
    case 'verify':
      return { payload: text((await jose.compactVerify(token, k, { algorithms: [alg] })).payload) }
    case 'encrypt':
      return { token: await new jose.CompactEncrypt(bytes(payload)).setProtectedHeader({ alg, enc, kid: jwk.kid }).encrypt(k) }
    case 'decrypt': {
      const o = { keyManagementAlgorithms: [alg], contentEncryptionAlgorithms: [enc], maxPBES2Count: 200000 }
      return { payload: text((await jose.compactDecrypt(token, k, o)).plaintext) }
    }
  }
  throw new Error('no such op')
}

for await (const line of createInterface({ input: process.stdin })) {
  let out
  try {
    out = await answer(JSON.parse(line))
  } catch (e) {
    out = { error: String(e) }
  }
  console.log(JSON.stringify(out))
}
