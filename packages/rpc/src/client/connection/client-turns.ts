import { ReadTurns } from "@parley/http2";

/** Half of what a server may take for reading in one turn by default: a gateway is both. In milliseconds. */
const clientTurnMs = 4;

/**
 * The connections of all clients of the process take turns at reading. Otherwise the responses on one, each of which causes work, could hold the event
 * loop for as long as they arrive.
 */
export const clientTurns = new ReadTurns(clientTurnMs);
