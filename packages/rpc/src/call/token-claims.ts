/** The audience (`aud`) of users' tokens: every service of the platform. */
export const tokenAudience = "parley";
/** The issuer (`iss`) of users' tokens: the user service. */
export const userTokenIssuer = "parley/users";
/** The issuer (`iss`) of services' tokens: each service itself, with a key that the platform knows. */
export const serviceTokenIssuer = "parley/services";
/** The type (`typ`) of users' tokens: access tokens of RFC 9068. Other tokens signed by the same key are refused. */
export const userTokenType = "at+jwt";
/** The type (`typ`) of services' tokens (RFC 8725, section 3.11). Their audience is the contract that they call. */
export const serviceTokenType = "service+jwt";
/** The type of the tokens with which a gateway vouches for forwarded calls. They are valid for nothing else. */
export const forwarderTokenType = "forwarder+jwt";
/**
 * The only accepted algorithm. The token's own header never selects it (RFC 8725, section 3.1).
 */
export const tokenAlgorithm = "EdDSA";
/** The header in which a service names the user for whom it calls: `Bearer`, and the user's own token. */
export const onBehalfOfHeader = "x-on-behalf-of";
/**
 * The header in which a gateway authenticates, `Bearer` and its own token, so that its `x-forwarded-for` is accepted.
 * It gives no rights: those come from `authorization` alone, which a gateway forwards unchanged.
 */
export const forwardedByHeader = "x-forwarded-by";

/**
 * The header with which a service asks to be identified by its TLS certificate, with the value {@link byCertificate}. It has to ask: a gateway has a
 * certificate too, and its callers must not have its rights. A gateway does not forward it.
 */
export const serviceIdentityHeader = "x-service-identity";
/** The value of {@link serviceIdentityHeader} and {@link forwardedByHeader} for identification by the TLS certificate. */
export const byCertificate = "certificate";

/** The service of a key, from the key's id: `<service>/<anything>`. Empty for another form. */
export function serviceOfKey(kid: string): string {
  return kid.slice(0, Math.max(0, kid.indexOf("/")));
}
