# The functions of nixpkgs' library that the flake and the modules use, by the same names.
let
  lib = {
    inherit (builtins)
      attrNames
      concatMap
      concatStringsSep
      elem
      filter
      foldl'
      head
      isList
      length
      listToAttrs
      mapAttrs
      ;

    genAttrs = names: value: lib.listToAttrs (map (name: lib.nameValuePair name (value name)) names);
    nameValuePair = name: value: { inherit name value; };
    mapAttrs' = change: set: lib.listToAttrs (map (name: change name set.${name}) (lib.attrNames set));
    mapAttrsToList = change: set: map (name: change name set.${name}) (lib.attrNames set);
    concatLists = builtins.concatLists;
    optional = condition: value: if condition then [ value ] else [ ];
    optionals = condition: values: if condition then values else [ ];
    optionalAttrs = condition: set: if condition then set else { };
    toList = value: if lib.isList value then value else [ value ];
    unique = lib.foldl' (found: one: if lib.elem one found then found else found ++ [ one ]) [ ];
    naturalSort = builtins.sort builtins.lessThan;
    recursiveUpdate =
      left: right:
      left
      // lib.mapAttrs (
        name: value:
        if builtins.isAttrs value && builtins.isAttrs (left.${name} or null) then
          lib.recursiveUpdate left.${name} value
        else
          value
      ) right;

    hasPrefix = prefix: text: builtins.substring 0 (builtins.stringLength prefix) text == prefix;
    hasInfix = infix: text: lib.length (lib.splitString infix text) > 1;
    splitString =
      separator: text: lib.filter builtins.isString (builtins.split (lib.escapeRegex separator) text);
    escapeRegex =
      builtins.replaceStrings
        [
          "\\"
          "["
          "."
          "*"
          "+"
          "?"
          "("
          ")"
          "{"
          "|"
          "^"
          "$"
        ]
        [
          "\\\\"
          "\\["
          "\\."
          "\\*"
          "\\+"
          "\\?"
          "\\("
          "\\)"
          "\\{"
          "\\|"
          "\\^"
          "\\$"
        ];

    # Every file there is must exist; the source is then the whole directory.
    fileset = {
      unions = paths: paths;
      toSource =
        { root, fileset }:
        assert builtins.all builtins.pathExists fileset;
        root;
    };
    licenses.asl20 = "Apache-2.0";
    platforms.linux = [
      "x86_64-linux"
      "aarch64-linux"
    ];
    trivial.release = "26.05";

    mkIf = condition: content: {
      _type = "if";
      inherit condition content;
    };
    mkMerge = contents: {
      _type = "merge";
      inherit contents;
    };
    mkDefault = content: {
      _type = "override";
      priority = 1000;
      inherit content;
    };
    mkOption = option: { _type = "option"; } // option;
    mkEnableOption =
      what:
      lib.mkOption {
        type = lib.types.bool;
        default = false;
        description = "Whether to enable ${what}.";
      };
    literalExpression = text: {
      _type = "literalExpression";
      inherit text;
    };
    types = import ./types.nix lib;
    inherit (import ./modules.nix lib) evaluate;
  };
in
lib
