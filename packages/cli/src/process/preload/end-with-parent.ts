// The stack holds the other end of the channel. When the channel closes because the stack has ended, for whatever reason, the
// service drains and exits instead of keeping its port. Windows has no SIGTERM; there a message asks
// for the same. Emitting the event works on Windows too: a real SIGTERM would end the process at once.
process.once("disconnect", end);
process.on("message", (message) => {
  if (message === "stop") {
    end();
  }
});
// A listener would keep the process alive, which only the service's own work should do.
process.channel?.unref();

function end(): void {
  if (!process.emit("SIGTERM", "SIGTERM")) {
    process.kill(process.pid, "SIGTERM");
  }
}
