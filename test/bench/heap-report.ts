import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

// Loaded into a program under measurement: asked over the process channel, it collects its garbage and tells what is left.
setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

process.on("message", (message) => {
  if (message === "heap") {
    collect();
    process.send?.({ heapBytes: process.memoryUsage().heapUsed, residentBytes: process.memoryUsage().rss });
  }
});
// Being asked is no reason to stay.
process.channel?.unref();
