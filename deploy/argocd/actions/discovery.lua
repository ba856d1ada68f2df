-- What can be done to a Device or Template from Argo CD's user interface.
local annotations = obj.metadata.annotations or {}
local paused = annotations["dojot.io/paused"] == "true"

return {
  ["pause"] = { ["disabled"] = paused },
  ["resume"] = { ["disabled"] = not paused },
  ["reconcile"] = {},
}
