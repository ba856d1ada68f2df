-- Nothing is changed while the annotation is there; a deletion still works.
if obj.metadata.annotations == nil then
  obj.metadata.annotations = {}
end
obj.metadata.annotations["dojot.io/paused"] = "true"
return obj
