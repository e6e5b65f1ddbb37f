std = "lua54"
max_line_length = 135
files["tests/**/*_spec.lua"] = { std = "+busted" }
files["jobs/*_spec.lua"] = { std = "+busted" }
files["lua/haul/meta.lua"] = { ignore = { ".*" } }
exclude_files = { "build" }
