/** The audience (`aud`) of users' tokens: every service of the platform. */
export const tokenAudience = "parley";
/** Who signs the tokens of people (`iss`): the user service. */
export const userTokenIssuer = "parley/users";
/** Who signs the tokens of services (`iss`): each service itself, with a key that the platform knows it by. */
export const serviceTokenIssuer = "parley/services";
/** What the tokens of people are (`typ`): access tokens of RFC 9068. Nothing else that the same key may sign is taken for one. */
export const userTokenType = "at+jwt";
/** What the tokens of services are (`typ`; RFC 8725, section 3.11). Their audience is the contract that they call. */
export const serviceTokenType = "service+jwt";
/** What the tokens are with which a gateway proves that it forwarded a call. They are good for nothing else. */
export const forwarderTokenType = "forwarder+jwt";
/**
 * The one algorithm that is taken. What the token's own header says is never trusted with the choice (RFC 8725, section 3.1).
 */
export const tokenAlgorithm = "EdDSA";
/** The header in which a service says for whom it calls: `Bearer`, and the user's own token. */
export const onBehalfOfHeader = "x-on-behalf-of";
/**
 * The header in which a door proves itself, `Bearer` and its own token, so that what it says in `x-forwarded-for` is believed.
 * It gives no rights: those come from `authorization` alone, which a door hands on as it is.
 */
export const forwardedByHeader = "x-forwarded-by";

/**
 * The header with which a service asks to be known by its TLS certificate, with the value {@link byCertificate}. It has to ask: a gateway has a
 * certificate too, and its callers must not have its rights. A gateway does not hand it on.
 */
export const serviceIdentityHeader = "x-service-identity";
/** Says in {@link serviceIdentityHeader} and {@link forwardedByHeader} that the TLS certificate is the proof. */
export const byCertificate = "certificate";

/** The service that a key belongs to, by the key's id: `<service>/<anything>`. Empty if the id is none of a service's. */
export function serviceOfKey(kid: string): string {
  return kid.slice(0, Math.max(0, kid.indexOf("/")));
}
