import { setTimeout as sleep } from "node:timers/promises";
import { Code, ConnectError } from "@connectrpc/connect";
import { EchoService } from "@parley/gen/echo/v1/echo_service_pb.js";
import { systemEnvironment } from "@parley/rpc";
import { implement, serve } from "@parley/rpc/server";
import { ready } from "../ready.ts";

/** The modes that the parent can set over IPC. The parent stops a replica with SIGSTOP. */
export type Mood = "healthy" | "slow" | "failing";

/** The additional response time of a slow replica, in milliseconds. */
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
    // Simulates the wait for a database.
    await sleep(mood === "slow" ? slowMs : 2);
    return { message };
  },
});
const environment = systemEnvironment({ name: "replica", logLevel: "silent" });
const { port } = await serve({ entries: [entry] }, { name: "replica", environment });
ready(port);
