# Modules: what they declare, what they define, and one configuration of it.
lib:
let
  evaluate = {
    # The modules with all that they import, each called with `arguments` and once.
    collect =
      arguments: modules:
      let
        open =
          module:
          let
            content = if builtins.isPath module || builtins.isString module then import module else module;
            called = if builtins.isFunction content then content arguments else content;
            plain = removeAttrs called [
              "imports"
              "key"
            ];
            whole = if plain ? options || plain ? config then plain else { config = plain; };
            unknown = lib.attrNames (
              removeAttrs whole [
                "options"
                "config"
              ]
            );
          in
          assert unknown == [ ] || throw "a module has ${lib.head unknown} beside options and config";
          [
            {
              options = whole.options or { };
              config = whole.config or { };
            }
          ]
          ++ lib.concatMap open (called.imports or [ ]);
      in
      lib.concatMap open modules;

    # The values of a tree of options, of the sets that define some of them.
    tree =
      place: options: definitions:
      let
        sets = lib.concatMap pushDown definitions;
        unknown = lib.filter (name: !(options ? ${name})) (lib.concatMap lib.attrNames sets);
        of = name: lib.concatMap (set: lib.optional (set ? ${name}) set.${name}) sets;
        path = name: if place == "" then name else "${place}.${name}";
      in
      if unknown != [ ] then
        throw "The option `${path (lib.head unknown)}' does not exist."
      else
        lib.mapAttrs (
          name: option:
          if option._type or "" == "option" then
            evaluate.option (path name) option (of name)
          else
            evaluate.tree (path name) option (of name)
        ) options;

    # The value of one option.
    option =
      place: option: definitions:
      let
        given =
          lib.concatMap (resolve 100) definitions
          ++ lib.optional (option ? default) {
            priority = 1500;
            value = option.default;
          };
        strongest = lib.foldl' (
          least: one: if one.priority < least then one.priority else least
        ) 9999 given;
        values = map (one: one.value) (lib.filter (one: one.priority == strongest) given);
        wrong = lib.filter (value: !(option.type.check value)) values;
      in
      if given == [ ] then
        throw "The option `${place}' is used but not defined."
      else if wrong != [ ] then
        throw "A definition for option `${place}' is not of type `${option.type.name}'."
      else
        option.type.merge place values;
  };

  # Conditions move to what they are about, as they may depend on other options of the same set.
  pushDown =
    value:
    {
      "if" = map (lib.mapAttrs (_: lib.mkIf value.condition)) (pushDown value.content);
      merge = lib.concatMap pushDown value.contents;
      plain = [ value ];
    }
    .${value._type or "plain"};

  resolve =
    priority: value:
    {
      "if" = lib.optionals value.condition (resolve priority value.content);
      merge = lib.concatMap (resolve priority) value.contents;
      override = resolve value.priority value.content;
    }
    .${if builtins.isAttrs value then value._type or "plain" else "plain"}
      or [ { inherit priority value; } ];
in
{
  inherit evaluate;
}
