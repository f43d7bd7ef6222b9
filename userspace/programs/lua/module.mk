# Lua, unmodified, from Debian's source package, if `make deps` could fetch it (tools/third_party.sh) and there is a C library.
LUA := $(BUILD)/third_party/lua/src
HAS_LUA := $(if $(HAS_NEWLIB),$(wildcard $(LUA)/lua.h))
LUA_SRC := $(patsubst %,$(LUA)/%.c,lua lapi lauxlib lbaselib lcode lcorolib lctype ldblib ldebug ldo ldump lfunc lgc linit liolib llex \
    lmathlib lmem loadlib lobject lopcodes loslib lparser lstate lstring lstrlib ltable ltablib ltm lundump lutf8lib lvm lzio)
LUA_FLAGS := -w -g0 -DLUA_PATH_DEFAULT='"/boot/lua/?.lua;/tmp/?.lua"' -DLUA_CPATH_DEFAULT='""'
$(foreach file,$(LUA_SRC),$(eval CFLAGS_$(file) := $(LUA_FLAGS)))

USER_PROGRAMS += $(if $(HAS_LUA),lua)
LIBC_PROGRAMS += lua
LIBC_SRC += $(LUA_SRC)
USER_lua_SRC := $(LUA_SRC)
USER_lua_STACK := 0x100000 # 200 nested calls of its C functions, which have buffers on the stack
BOOT_TREE += $(foreach name,check language text files system memory numbers,lua/$(name).lua=userspace/programs/lua/$(name).lua)
