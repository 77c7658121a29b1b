export { connectInMemory } from "./in-memory.ts";
export { createTestClock, type TestClock } from "./test-clock.ts";
