# A system of modules: the options of NixOS that the modules set, and the text of the units.
{
  lib,
  modules,
  packages,
}:
let
  inherit (lib) mkOption types;

  option = type: mkOption { inherit type; };
  optional = type: default: mkOption { inherit type default; };
  words = optional (types.listOf types.str) [ ];
  directives = optional types.settings { };

  unit = {
    description = optional types.str "";
    wantedBy = words;
    requiredBy = words;
    requires = words;
    wants = words;
    after = words;
    before = words;
    partOf = words;
    unitConfig = directives;
  };

  os.options = {
    assertions = optional (types.listOf types.anything) [ ];
    environment.systemPackages = optional (types.listOf types.package) [ ];
    networking.firewall.allowedTCPPorts = optional (types.listOf types.port) [ ];
    nixpkgs = {
      hostPlatform = optional types.str "x86_64-linux";
      overlays = optional (types.listOf types.anything) [ ];
    };
    security.acme.certs = optional (types.attrsOf (types.submodule acme)) { };
    services = {
      nginx = {
        enable = optional types.bool false;
        group = optional types.str "nginx";
        virtualHosts = optional (types.attrsOf (types.submodule virtualHost)) { };
      };
      openssh.enable = optional types.bool false;
    };
    system.stateVersion = option types.str;
    systemd = {
      services = optional (types.attrsOf (
        types.submodule (
          unit
          // {
            serviceConfig = directives;
            script = optional types.str "";
          }
        )
      )) { };
      sockets = optional (types.attrsOf (
        types.submodule (
          unit
          // {
            listenStreams = words;
            socketConfig = directives;
          }
        )
      )) { };
    };
    users = {
      users = optional (types.attrsOf (types.submodule user)) { };
      groups = optional (types.attrsOf types.anything) { };
    };
  };

  acme = {
    directory = optional types.str "/var/lib/acme/example";
    group = optional types.str "acme";
  };
  user = {
    description = option types.str;
    isSystemUser = option types.bool;
    group = option types.str;
  };
  virtualHost = {
    forceSSL = optional types.bool false;
    enableACME = optional types.bool false;
    locations = optional (types.attrsOf (
      types.submodule {
        proxyPass = option types.str;
        recommendedProxySettings = option types.bool;
        extraConfig = optional types.str "";
      }
    )) { };
  };

  all = lib.evaluate.collect {
    inherit config lib;
    inherit pkgs;
  } ([ os ] ++ modules);
  options = lib.foldl' lib.recursiveUpdate { } (map (module: module.options) all);
  config = lib.evaluate.tree "" options (map (module: module.config) all);
  pkgs = lib.foldl' (
    pkgs: overlay: pkgs.extend overlay
  ) (packages config.nixpkgs.hostPlatform) config.nixpkgs.overlays;

  text =
    kind: unit:
    lib.concatStringsSep "\n" (
      [ "[Unit]" ]
      ++ lines (
        unit.unitConfig
        // {
          Description = unit.description;
          After = lib.concatStringsSep " " unit.after;
          PartOf = lib.concatStringsSep " " unit.partOf;
          Requires = lib.concatStringsSep " " unit.requires;
          Wants = lib.concatStringsSep " " unit.wants;
        }
      ) true
      ++ [ "[${kind}]" ]
      ++ lines (unit.serviceConfig or unit.socketConfig) false
      ++ map (stream: "ListenStream=${stream}") (unit.listenStreams or [ ])
    );
  lines =
    set: withoutEmpty:
    lib.concatLists (
      lib.mapAttrsToList (
        key: value:
        map (one: "${key}=${toString one}") (
          lib.filter (one: !(withoutEmpty && one == "")) (lib.toList value)
        )
      ) set
    );
  units =
    kind: suffix: set:
    lib.mapAttrs' (name: unit: lib.nameValuePair "${name}.${suffix}" { text = text kind unit; }) set;
in
{
  inherit pkgs;
  config = config // {
    systemd = config.systemd // {
      units =
        units "Service" "service" config.systemd.services // units "Socket" "socket" config.systemd.sockets;
    };
  };
}
