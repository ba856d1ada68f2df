-- Health of a Device or Template for Argo CD, by the rules of kstatus, so that Argo CD, Flux, Helm and
-- `kubectl wait` agree. Argo CD itself says Progressing while an object is being deleted.
local function answer(status, message)
  return { status = status, message = message }
end

local found = {}
if obj.status ~= nil and obj.status.conditions ~= nil then
  for _, condition in ipairs(obj.status.conditions) do
    found[condition.type] = condition
  end
end

local function holds(name)
  return found[name] ~= nil and found[name].status == "True"
end

local function told(name)
  return found[name].reason .. ": " .. found[name].message
end

-- A pause stops everything, so it says more than whatever was true before it.
if holds("Paused") then
  return answer("Suspended", told("Paused"))
end
if found["Ready"] == nil or obj.status.observedGeneration ~= obj.metadata.generation then
  return answer("Progressing", "the operator has not seen this change yet")
end
if holds("Stalled") then
  return answer("Degraded", told("Stalled"))
end
if holds("Reconciling") or not holds("Ready") then
  return answer("Progressing", told(holds("Reconciling") and "Reconciling" or "Ready"))
end
-- Registered, but the programs that listen will never hear of it unless somebody helps.
if found["Published"] ~= nil and found["Published"].reason == "Quarantined" then
  return answer("Degraded", told("Published"))
end
if holds("Drifted") then
  return answer("Progressing", told("Drifted"))
end
return answer("Healthy", told("Ready"))
