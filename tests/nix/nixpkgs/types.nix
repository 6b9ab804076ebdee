# Types of options. Each says what it takes, and makes one value of several definitions.
lib:
let
  one = name: check: {
    inherit name check;
    merge =
      place: values:
      if lib.length (lib.unique values) == 1 then
        lib.head values
      else
        throw "The option `${place}' has conflicting definitions.";
  };
  types = {
    anything = one "anything" (_: true);
    bool = one "boolean" builtins.isBool;
    str = one "string" builtins.isString;
    path = one "path" (value: builtins.isPath value || lib.hasPrefix "/" (toString value));
    package = one "package" (value: value.type or "" == "derivation");
    port = types.ints.between 0 65535;
    enum = values: one "one of ${builtins.toJSON values}" (value: lib.elem value values);
    ints.between =
      from: to:
      one "integer between ${toString from} and ${toString to}" (
        value: builtins.isInt value && value >= from && value <= to
      );
    nullOr =
      type:
      type
      // {
        name = "null or ${type.name}";
        check = value: value == null || type.check value;
      };
    listOf = type: {
      name = "list of ${type.name}";
      check = value: lib.isList value && builtins.all type.check value;
      merge = _: lib.concatLists;
    };
    # Settings of a file: sets are merged, whatever else must be the same.
    settings = {
      name = "settings";
      check = builtins.isAttrs;
      merge = _: lib.foldl' lib.recursiveUpdate { };
    };
    attrsOf = type: {
      name = "attribute set of ${type.name}";
      check = builtins.isAttrs;
      merge =
        place: values:
        lib.genAttrs (lib.unique (lib.concatMap lib.attrNames values)) (
          name:
          lib.evaluate.option "${place}.${name}" { inherit type; } (
            lib.concatMap (set: lib.optional (set ? ${name}) set.${name}) values
          )
        );
    };
    submodule = options: {
      name = "submodule";
      check = builtins.isAttrs;
      merge = place: lib.evaluate.tree place options;
    };
  };
in
types
