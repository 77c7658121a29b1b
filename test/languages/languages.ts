import { join } from "node:path";

/** A program and its arguments. */
export type Command = readonly [string, ...string[]];

/** How a project in a language gets the contracts. The projects are beside this file; docs/other-languages.md shows them. */
export interface Language {
  readonly name: string;
  /** Commands that check whether the language's tools are installed. */
  readonly tools: readonly Command[];
  /** Downloads the other dependencies of the recipe into a cached folder. */
  readonly downloads: (cache: string) => readonly Command[];
  /** Builds the project in its own folder, where `parley` is this repository. */
  readonly build: (cache: string) => readonly Command[];
  /** Places an order. */
  readonly run: (target: string, cache: string) => Command;
  readonly variables?: Readonly<Record<string, string>>;
}

const exported: Command = ["buf", "export", "parley/proto", "-o", "contracts"];

export const languages: readonly Language[] = [
  {
    name: "go",
    tools: [["go", "version"]],
    downloads: (cache) =>
      [
        "google.golang.org/protobuf/cmd/protoc-gen-go@v1.36.12",
        "google.golang.org/grpc/cmd/protoc-gen-go-grpc@v1.6.2",
      ].map((plugin): Command => ["env", `GOBIN=${join(cache, "bin")}`, "go", "install", plugin]),
    build: () => [
      ["buf", "generate"],
      // Also the generated packages, including the one of protovalidate's file.
      ["go", "build", "./..."],
      ["go", "build", "-o", "shop", "."],
    ],
    run: (target) => ["./shop", target],
  },
  {
    name: "python",
    tools: [["python3", "--version"]],
    downloads: (cache) => [
      ["python3", "-m", "venv", join(cache, "python")],
      [
        join(cache, "python/bin/pip"),
        ...["install", "--quiet", "--disable-pip-version-check", "-r"],
        join(import.meta.dirname, "python/requirements.txt"),
      ],
    ],
    build: (cache) => [
      exported,
      ["mkdir", "gen"],
      [
        "sh",
        "-c",
        `${join(cache, "python/bin/python")} -m grpc_tools.protoc -I contracts --python_out=gen --grpc_python_out=gen $(find contracts -name '*.proto')`,
      ],
    ],
    run: (target, cache) => [join(cache, "python/bin/python"), "shop.py", target],
    variables: { PYTHONPATH: "gen" },
  },
  {
    name: "java",
    tools: [
      ["mvn", "--version"],
      ["javac", "-version"],
    ],
    downloads: () => [],
    build: () => [
      exported,
      ["mvn", "-q", "-B", "package", "dependency:build-classpath", "-Dmdep.outputFile=classpath"],
    ],
    run: (target) => ["sh", "-c", `java -cp target/classes:$(cat classpath) Shop ${target}`],
  },
];
