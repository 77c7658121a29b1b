// When a module imports node:http, Node's loader reads all of its exports, and these three load the whole of fetch (undici): megabytes
// and milliseconds for code that no service uses.
const http: Partial<Record<string, unknown>> = process.getBuiltinModule("node:http");
for (const name of ["WebSocket", "CloseEvent", "MessageEvent"]) {
  delete http[name];
}
