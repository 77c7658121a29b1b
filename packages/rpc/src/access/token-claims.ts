/** Whom every token of the platform is for (`aud`). */
export const tokenAudience = "parley";
/** Who signs the tokens of people (`iss`): the user service. */
export const userTokenIssuer = "parley/users";
/** Who signs the tokens of services (`iss`): each service itself, with a key that the platform knows it by. */
export const serviceTokenIssuer = "parley/services";
/**
 * The one algorithm that is taken. What the token's own header says is never trusted with the choice (RFC 8725, section 3.1).
 */
export const tokenAlgorithm = "EdDSA";
/** The header in which a service says for whom it calls: `Bearer`, and the user's own token. */
export const onBehalfOfHeader = "x-on-behalf-of";
