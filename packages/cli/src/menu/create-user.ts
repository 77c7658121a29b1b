import { create } from "@bufbuild/protobuf";
import { input, password } from "@inquirer/prompts";
import { CreateUserResponseSchema } from "@parley/gen/user/v1/user_service_pb.js";
import type { MenuOptions } from "./menu-options.ts";
import { showAnswer } from "./show.ts";

/** Asks for a name, an e-mail address and a password, and creates the user. The service validates the values. */
export async function createUser({ shop, terminal }: MenuOptions): Promise<void> {
  const name = await input({ message: "Name", required: true });
  const email = await input({ message: "E-mail address", required: true });
  const secret = await password({ message: "Password (8 characters or more; Enter for none)", mask: true });
  const { user } = await shop.users.createUser(
    { name, email, password: secret, requestId: crypto.randomUUID() },
    { headers: shop.headers },
  );
  showAnswer(terminal, CreateUserResponseSchema, create(CreateUserResponseSchema, user === undefined ? {} : { user }));
}
