// Drives `arazzo dap` with the client that adapters are tested with. Prints one JSON object: what it saw.
const { DebugClient } = require("@vscode/debugadapter-testsupport");
const { python, document, cassette, secret } = JSON.parse(process.argv[2]);
const inputs = { namespace: "acme", name: "my-gpt2", repository: "gpt2", instanceType: "intel-icl", instanceSize: "x1", hfToken: secret };
const launched = { program: document, inputs, args: ["--replay", cassette] };
const seen = {};
let raw = "";

async function session(check) {
  const client = new DebugClient(python, "-m", "arazzo", { env: process.env });
  client._spawnOptions = { env: process.env };
  client._executable = "-m";
  const spawn = require("child_process").spawn;
  const adapter = spawn(python, ["-m", "arazzo_runner", "dap"], { stdio: ["pipe", "pipe", "inherit"] });
  adapter.stdout.on("data", (data) => { raw += data.toString(); });
  client.connect(adapter.stdout, adapter.stdin);
  client._adapterProcess = undefined;
  client.defaultTimeout = 60000;
  const said = [];
  client.on("output", (event) => said.push(event.body.output));
  try {
    await check(client, said);
  } finally {
    await client.disconnectRequest().catch(() => {});
    await new Promise((done) => (adapter.exitCode === null ? adapter.on("exit", done) : done()));
  }
}

async function begin(client, { breakpoints = [], filters = [], more = {} }) {
  const capabilities = (await client.initializeRequest()).body;
  const ready = client.waitForEvent("initialized");
  await client.launchRequest({ ...launched, ...more });
  await ready;
  const taken = (await client.setBreakpointsRequest({ source: { path: document }, breakpoints })).body.breakpoints;
  await client.setExceptionBreakpointsRequest({ filters });
  const stopped = client.waitForEvent("stopped");
  await client.configurationDoneRequest();
  return { capabilities, taken, reason: (await stopped).body.reason };
}

async function top(client) {
  return (await client.stackTraceRequest({ threadId: 1 })).body.stackFrames[0];
}

async function move(client, request) {
  const stopped = client.waitForEvent("stopped");
  await client[request]({ threadId: 1 });
  return { reason: (await stopped).body.reason, line: (await top(client)).line, name: (await top(client)).name };
}

async function value(client, expression) {
  return (await client.evaluateRequest({ expression, context: "repl" })).body.result;
}

async function members(client, scope) {
  const scopes = (await client.scopesRequest({ frameId: 1 })).body.scopes;
  const { variablesReference } = scopes.find((one) => one.name === scope);
  return { variablesReference, variables: (await client.variablesRequest({ variablesReference })).body.variables };
}

async function main() {
  await session(async (client) => {
    seen.line = await begin(client, { breakpoints: [{ line: 110 }, { line: 1 }] });
    seen.at = (await top(client)).line;
    seen.source = (await top(client)).source.path;
    seen.back = await move(client, "stepBackRequest");
    seen.next = await move(client, "nextRequest");
    seen.in = await move(client, "stepInRequest");
    seen.status = await value(client, "$statusCode");
    seen.condition = await value(client, "$response.body#/status/state == 'pending'");
    seen.wrong = await client.evaluateRequest({ expression: "$nothing ==" }).catch((error) => error.message);
    seen.reverse = await move(client, "reverseContinueRequest");
    seen.inputs = (await members(client, "Inputs")).variables;
    seen.unknown = await client.customRequest("frobnicate").catch((error) => error.message);
  });
  await session(async (client, said) => {
    const breakpoints = [{ line: 110, logMessage: "polls {$steps.createEndpoint.outputs.endpointName} {$inputs.hfToken}" }];
    seen.logging = await begin(client, { breakpoints });
    seen.said = said;
  });
  await session(async (client) => {
    const breakpoints = [{ line: 136, condition: "$response.body#/status/state == 'initializing'" }];
    seen.conditional = await begin(client, { breakpoints });
    seen.state = await value(client, "$response.body#/status/state");
  });
  await session(async (client) => {
    await begin(client, { more: { stopOnEntry: true } });
    const { variablesReference } = await members(client, "Inputs");
    const changed = await client.setVariableRequest({ variablesReference, name: "name", value: "other" });
    seen.changed = changed.body.value;
    seen.body = await value(client, "$request.body#/name");
    const token = await client.setVariableRequest({ variablesReference, name: "nope.x", value: "5" }).catch((error) => error.message);
    seen.refused = token;
  });
  await session(async (client) => {
    seen.exception = await begin(client, { filters: ["failed"], more: { inputs: { ...inputs, name: "wrong" } } });
    seen.ended = (await top(client)).name;
  });
  for (const [name, filters] of [["unauthorised", ["failed"]], ["unauthorised", ["unmatched"]], ["ends-failed", ["unmatched"]], ["ends-failed", ["failed"]], ["becomes-running", ["failed", "unmatched"]]]) {
    await session(async (client) => {
      const args = ["--replay", cassette.replace("becomes-running", name)];
      const { reason } = await begin(client, { filters, more: { args, inputs } });
      seen.exceptions = [...(seen.exceptions || []), { reason, name: (await top(client)).name, line: (await top(client)).line }];
    });
  }
  await session(async (client) => {
    seen.hits = await begin(client, { breakpoints: [{ line: 110, hitCondition: "3" }, { line: 110, hitCondition: "often" }] });
    seen.third = await value(client, "$steps.pollStatus.outputs.state");
    seen.again = await move(client, "stepBackRequest");
    seen.once = await move(client, "continueRequest");
  });
  await session(async (client) => {
    await client.initializeRequest();
    seen.missing = await client.launchRequest({ program: "/nowhere.yaml" }).catch((error) => error.message);
    seen.option = await client.launchRequest({ program: document, args: ["--nope"] }).catch((error) => error.message);
  });
  seen.leaked = raw.includes(secret);
  console.log(JSON.stringify(seen));
}

main().catch((error) => { console.error(error); process.exit(1); });
