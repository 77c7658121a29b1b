// The stack holds the other end of the channel. When the channel closes, because
// the stack ended or asked for it, the service drains and ends instead of staying behind with its port. Emitting the event
// works on Windows too, where a real SIGTERM would end the process at once.
process.once("disconnect", () => {
  if (!process.emit("SIGTERM", "SIGTERM")) {
    process.kill(process.pid, "SIGTERM");
  }
});
// A listener would keep the process alive; the service's own work decides that.
process.channel?.unref();
