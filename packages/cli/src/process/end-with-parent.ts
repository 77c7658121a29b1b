// Loaded into each service before its main.ts. The stack holds the other end of the channel: when it is gone, however that
// came about, the service drains and ends instead of staying behind with its port.
process.once("disconnect", () => process.kill(process.pid, "SIGTERM"));
// A listener would keep the process alive; the service's own work decides that.
process.channel?.unref();
