export { libraryService } from "./compile.ts";
export { methodWithRule } from "./rule-method.ts";
