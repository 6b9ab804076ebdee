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
          ${key} = (state.found.${key} or [ ]) ++ valuesOf state.section value;
        };
      };

  # What a unit wants and comes after has no order, and may stand in one line or in several.
  valuesOf = section: value: if section == "Unit" then lib.splitString " " value else [ value ];

  # Of the environment, settings are the administrator's, and NixOS sets what its programs look for.
  isShared =
    value: builtins.match "\"?(LOCALE_ARCHIVE|PATH|SERVERSCOUT_[A-Z_]*|TZDIR)=.*" value == null;

  sorted = lib.mapAttrs (
    key: values:
    if lib.hasPrefix "Unit." key then
      lib.naturalSort values
    else if key == "Service.Environment" then
      builtins.filter isShared values
    else
      values
  );

  compare =
    { plain, module }:
    let
      left = sorted (removeAttrs (parse plain) own);
      right = sorted (removeAttrs (parse module) own);
      shown = values: if values == [ ] then "nothing" else lib.concatStringsSep " | " values;
      line =
        key:
        lib.optional (
          left.${key} or [ ] != right.${key} or [ ]
        ) "${key}: plain ${shown (left.${key} or [ ])}, module ${shown (right.${key} or [ ])}";
    in
    lib.concatMap line (lib.attrNames (left // right));

  # What a module and a package cannot have in common: paths of the store, files of the administrator, and
  # how units are enabled.
  own = [
    "Install.Also"
    "Install.WantedBy"
    "Service.EnvironmentFile"
    "Service.ExecStart"
    "Service.LoadCredential"
    "Service.SetCredential"
    "Socket.ListenStream"
  ];
in
lib.concatMap compare units
