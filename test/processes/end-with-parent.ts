// Loaded into each service before its main.ts: kills the service when the test's process ends for any reason.
process.once("disconnect", () => process.kill(process.pid, "SIGKILL"));
// The channel must not keep the process alive.
process.channel?.unref();
