// The stack holds the other end of the channel. When the channel closes because the stack is gone, however that came about, the
// service drains and ends instead of staying behind with its port. On Windows, where nobody can be sent a SIGTERM, a message asks
// for the same. Emitting the event works there too: a real SIGTERM would end the process at once.
process.once("disconnect", end);
process.on("message", (message) => {
  if (message === "stop") {
    end();
  }
});
// A listener would keep the process alive; the service's own work decides that.
process.channel?.unref();

function end(): void {
  if (!process.emit("SIGTERM", "SIGTERM")) {
    process.kill(process.pid, "SIGTERM");
  }
}
