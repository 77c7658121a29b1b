import { setTimeout as sleep } from "node:timers/promises";
import { Code, ConnectError } from "@connectrpc/connect";
import { EchoService } from "@parley/gen/echo/v1/echo_service_pb.js";
import { systemEnvironment } from "@parley/rpc";
import { implement, serve } from "@parley/rpc/server";
import { ready } from "../ready.ts";

/** What the parent may ask for over IPC. A stopped replica is stopped by a signal. */
export type Mood = "healthy" | "slow" | "failing";

/** How much later than usual a slow replica answers, in milliseconds. */
const slowMs = 100;

let mood: Mood = "healthy";
process.on("message", (wanted: Mood) => {
  mood = wanted;
  process.send?.("done");
});
process.on("disconnect", () => process.exit(0));

const entry = implement(EchoService, {
  async echo({ message }) {
    if (mood === "failing") {
      throw new ConnectError("the disk is full", Code.Unavailable);
    }
    // Some waiting, as for a database.
    await sleep(mood === "slow" ? slowMs : 2);
    return { message };
  },
});
const environment = systemEnvironment({ name: "replica", logLevel: "silent" });
const { port } = await serve({ entries: [entry] }, { name: "replica", environment });
ready(port);
