import { type DescField, type DescMethod, type DescService, type Message, ScalarType } from "@bufbuild/protobuf";
import { type AccessRule, methodPolicy } from "@parley/contract";
import { Caller as Allowed } from "@parley/gen/rpc/v1/options_pb.js";

/** Looks up owners, by the kind of resource: from its id to the owner's user id, or undefined for an unknown id. */
export type Owners = Readonly<Record<string, (id: string) => Promise<string | undefined>>>;

/**
 * Checks the `access` options of services before the first call.
 * @throws Error with the method whose `owner_field` is not a string field, or whose `owner_of` has no lookup.
 */
export function checkOwnerRules(services: readonly DescService[], owners: Owners): void {
  for (const method of services.flatMap((service) => service.methods)) {
    const rule = methodPolicy(method).access;
    if (rule.caller === Allowed.OWNER) {
      ownerPath(method, rule);
      if (rule.ownerOf !== "" && owners[rule.ownerOf] === undefined) {
        throw new Error(
          `${nameOf(method)}: no owner lookup for owner_of "${rule.ownerOf}"; add it to the module's owners`,
        );
      }
    }
  }
}

/** The value at the rule's `owner_field`, for example `user.id`. Empty if a message on the path is not set. */
export function ownerFieldValue(method: DescMethod, message: Message): string {
  let value: unknown = message;
  for (const field of ownerPath(method, methodPolicy(method).access)) {
    value = (value as Record<string, unknown> | undefined)?.[field.localName];
  }
  return typeof value === "string" ? value : "";
}

const ownerPaths = new WeakMap<DescMethod, readonly DescField[]>();

function ownerPath(method: DescMethod, rule: AccessRule): readonly DescField[] {
  let path = ownerPaths.get(method);
  if (path === undefined) {
    path = findPath(method, rule.ownerField);
    ownerPaths.set(method, path);
  }
  return path;
}

function findPath(method: DescMethod, ownerField: string): readonly DescField[] {
  const path: DescField[] = [];
  let message: DescMethod["input"] | undefined = method.input;
  for (const name of ownerField.split(".")) {
    const field: DescField | undefined = message?.fields.find((candidate) => candidate.name === name);
    if (field === undefined || field.oneof !== undefined) {
      throw new Error(
        `${nameOf(method)}: owner_field "${ownerField}" must name fields of the request that are not in a oneof`,
      );
    }
    path.push(field);
    message = field.fieldKind === "message" ? field.message : undefined;
  }
  const last = path.at(-1);
  if (last?.fieldKind !== "scalar" || last.scalar !== ScalarType.STRING) {
    throw new Error(`${nameOf(method)}: owner_field "${ownerField}" must be a string field`);
  }
  return path;
}

function nameOf(method: DescMethod): string {
  return `${method.parent.typeName}/${method.name}`;
}
