// Loaded into each service before its main.ts: when the test that started it is gone, however that came about, so is the service.
process.once("disconnect", () => process.kill(process.pid, "SIGKILL"));
// A listener would keep the process alive; the service's own work decides that.
process.channel?.unref();
