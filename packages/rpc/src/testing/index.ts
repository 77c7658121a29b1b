export { connectInMemory } from "./in-memory.ts";
export { createTestClock, outsideWork, type TestClock } from "./test-clock.ts";
