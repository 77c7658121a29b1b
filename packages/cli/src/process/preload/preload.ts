// Loaded into each service before its main.ts.
import "./end-with-parent.ts";
import "./lean-http.ts";
import "./report-listening.ts";
import "./refuse-self-connection.ts";
import "./take-faults.ts";
