#!/usr/bin/env node
import { createProgram } from "./program.ts";
import { services } from "./stack/service-registry.ts";

await createProgram({ services }).parseAsync();
