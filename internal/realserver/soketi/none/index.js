"use strict";

// It stands for what Soketi imports for databases, queues and several nodes. Of these, a single server uses only the
// discovery of other nodes, which finds none.
module.exports = (options, ready) => {
  setImmediate(ready);
  return { me: {}, on() {} };
};
