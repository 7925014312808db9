export default { test: { include: ["node_modules/@durable-streams/server-conformance-tests/dist/test-runner.js"], exclude: [] } }
