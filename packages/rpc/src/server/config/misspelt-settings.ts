/**
 * Finds environment variables that differ from a setting by one letter, and suggests that setting. An ignored `AUT=required` would leave a
 * service without authentication. Variables that Kubernetes sets for Services are never reported.
 */
export function misspeltSettings(
  variables: Readonly<Record<string, string | undefined>>,
  settings: readonly string[],
): readonly { readonly name: string; readonly meant: string }[] {
  const known = new Set(settings);
  return Object.keys(variables).flatMap((name) => {
    if (known.has(name) || !/^[A-Z][A-Z0-9_]*$/.test(name) || setByKubernetes.test(name) || wellKnown.has(name)) {
      return [];
    }
    const meant = settings.find((setting) => isOneEditAway(name, setting) && !namesAnotherThing(name, setting));
    return meant === undefined ? [] : [{ name, meant }];
  });
}

/** https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables */
const setByKubernetes = /_SERVICE_HOST$|_SERVICE_PORT(_[A-Z0-9_]+)?$|_PORT(_\d+_(TCP|UDP|SCTP)(_[A-Z]+)?)?$/;

/** Variables of shells and tools that resemble a short setting. */
const wellKnown: ReadonlySet<string> = new Set(["HOME", "HOSTNAME", "PATH", "POST", "SORT"]);

/** `ECHO_A_SERVICE_URL` is not a misspelt `ECHO_B_SERVICE_URL`: parts of a single letter or digit may differ. */
function namesAnotherThing(name: string, setting: string): boolean {
  const [parts, settingParts] = [name.split("_"), setting.split("_")];
  return (
    parts.length === settingParts.length &&
    parts.every(
      (part, index) => part === settingParts[index] || (part.length === 1 && settingParts[index]?.length === 1),
    )
  );
}

/** Whether one letter was added, removed or changed, or two adjacent letters were swapped. */
function isOneEditAway(one: string, other: string): boolean {
  let start = 0;
  while (start < one.length && one[start] === other[start]) {
    start++;
  }
  let [end, otherEnd] = [one.length, other.length];
  while (end > start && otherEnd > start && one[end - 1] === other[otherEnd - 1]) {
    end--;
    otherEnd--;
  }
  const [left, otherLeft] = [one.slice(start, end), other.slice(start, otherEnd)];
  const isSwap = left.length === 2 && left[0] === otherLeft[1] && left[1] === otherLeft[0] && otherLeft.length === 2;
  return Math.max(left.length, otherLeft.length) === 1 || isSwap;
}
