-- Go on.
if obj.metadata.annotations ~= nil then
  obj.metadata.annotations["dojot.io/paused"] = nil
end
return obj
