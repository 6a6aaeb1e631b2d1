// npm oidc-provider in memory, for issuers_test.go: its own adapter, ES256 JWTs for the
// client's credentials. argv: port, client_id, client_secret.
import { generateKeyPairSync } from 'node:crypto';
import Provider from 'oidc-provider';

const [port, client_id, client_secret] = process.argv.slice(2);
const key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' });
const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [{ client_id, client_secret, grant_types: ['client_credentials'], redirect_uris: [], response_types: [], id_token_signed_response_alg: 'ES256' }],
  jwks: { keys: [{ ...key, alg: 'ES256', use: 'sig' }] },
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => 'urn:api',
      getResourceServerInfo: () => ({ scope: 'read', audience: 'urn:api', accessTokenTTL: 600, accessTokenFormat: 'jwt', jwt: { sign: { alg: 'ES256' } } }),
    },
  },
});
provider.listen(Number(port), '127.0.0.1', () => console.log('listening'));
