import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

// Loaded into a measured program: on request over the IPC channel, it runs garbage collection and reports the remaining memory.
setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

process.on("message", (message) => {
  if (message === "heap") {
    collect();
    process.send?.({ heapBytes: process.memoryUsage().heapUsed, residentBytes: process.memoryUsage().rss });
  }
});
// The listener must not keep the process alive.
process.channel?.unref();
