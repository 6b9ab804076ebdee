# What differs between unit files, as a list of lines; empty where nothing does.
{ lib, units }:
let
  # A unit as an attribute set from "Section.Key" to the list of its values, in their order.
  parse =
    text:
    (lib.foldl' readLine {
      section = "";
      found = { };
    } (lib.splitString "\n" text)).found;

  readLine =
    state: line:
    let
      section = builtins.match "\\[([A-Za-z]+)]" line;
      directive = builtins.match "([A-Za-z]+)=(.*)" line;
      key = "${state.section}.${builtins.head directive}";
      value = builtins.elemAt directive 1;
    in
    if section != null then
      state // { section = builtins.head section; }
    else if directive == null then
      state
    else
      state
      // {
        found = state.found // {
          ${key} = (state.found.${key} or [ ]) ++ [ value ];
        };
      };

  compare =
    { plain, module }:
    let
      left = removeAttrs (parse plain) own;
      right = removeAttrs (parse module) own;
      shown = values: if values == null then "nothing" else lib.concatStringsSep " | " values;
      line =
        key:
        lib.optional (
          left.${key} or null != right.${key} or null
        ) "${key}: plain ${shown (left.${key} or null)}, module ${shown (right.${key} or null)}";
    in
    lib.concatMap line (lib.attrNames (left // right));

  # What a module and a package cannot have in common: paths of the store, files of the administrator,
  # where NixOS puts its environment, and how units are enabled.
  own = [
    "Install.WantedBy"
    "Service.Environment"
    "Service.EnvironmentFile"
    "Service.ExecStart"
    "Service.LoadCredential"
    "Service.SetCredential"
    "Unit.Documentation"
  ];
in
lib.concatMap compare units
