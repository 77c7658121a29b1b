import type {
  DescEnum,
  DescEnumValue,
  DescField,
  DescFile,
  DescMessage,
  DescMethod,
  DescOneof,
  DescService,
} from "@bufbuild/protobuf";

type Described = DescMessage | DescField | DescOneof | DescEnum | DescEnumValue | DescService | DescMethod;

/**
 * The comment before a declaration, without its markers; empty if there is none, or if the descriptor was
 * generated without source information, as generated code is.
 */
export function commentOf(desc: Described): string {
  const path = pathOf(desc);
  return path === undefined ? "" : (commentsOf(fileOf(desc)).get(path.join(".")) ?? "");
}

const commentsByFile = new WeakMap<DescFile, ReadonlyMap<string, string>>();

function commentsOf(file: DescFile): ReadonlyMap<string, string> {
  let comments = commentsByFile.get(file);
  if (comments === undefined) {
    const locations = file.proto.sourceCodeInfo?.location ?? [];
    comments = new Map(
      locations
        .filter((location) => location.leadingComments !== "")
        .map((location) => [location.path.join("."), unwrapped(location.leadingComments)]),
    );
    commentsByFile.set(file, comments);
  }
  return comments;
}

/** Lines of one paragraph become one line. */
function unwrapped(comment: string): string {
  return comment
    .split("\n")
    .map((line) => line.trim())
    .join("\n")
    .trim()
    .replaceAll(/([^\n])\n(?![\n*-])/g, "$1 ");
}

function fileOf(desc: Described): DescFile {
  switch (desc.kind) {
    case "field":
    case "oneof":
    case "enum_value":
    case "rpc":
      return desc.parent.file;
    default:
      return desc.file;
  }
}

/** The place of a declaration in its file: numbers of fields and indexes (descriptor.proto, `SourceCodeInfo.Location.path`). */
function pathOf(desc: Described): readonly number[] | undefined {
  switch (desc.kind) {
    case "message":
      return desc.parent === undefined
        ? at([], 4, desc.file.proto.messageType.indexOf(desc.proto))
        : at(pathOf(desc.parent), 3, desc.parent.proto.nestedType.indexOf(desc.proto));
    case "enum":
      return desc.parent === undefined
        ? at([], 5, desc.file.proto.enumType.indexOf(desc.proto))
        : at(pathOf(desc.parent), 4, desc.parent.proto.enumType.indexOf(desc.proto));
    case "service":
      return at([], 6, desc.file.proto.service.indexOf(desc.proto));
    case "rpc":
      return at(pathOf(desc.parent), 2, desc.parent.proto.method.indexOf(desc.proto));
    case "field":
      return at(pathOf(desc.parent), 2, desc.parent.proto.field.indexOf(desc.proto));
    case "oneof":
      return at(pathOf(desc.parent), 8, desc.parent.proto.oneofDecl.indexOf(desc.proto));
    case "enum_value":
      return at(pathOf(desc.parent), 2, desc.parent.proto.value.indexOf(desc.proto));
  }
}

function at(parent: readonly number[] | undefined, field: number, index: number): readonly number[] | undefined {
  return parent === undefined || index < 0 ? undefined : [...parent, field, index];
}
