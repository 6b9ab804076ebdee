# The units of the modules and the plain unit files, directive by directive.
{
  nixpkgs,
  pkgs,
  self,
}:
let
  inherit (nixpkgs) lib;

  host = lib.nixosSystem {
    modules = [
      self.nixosModules.default
      {
        nixpkgs.hostPlatform = pkgs.stdenv.hostPlatform.system;
        system.stateVersion = lib.trivial.release;
        services.server-scout.enable = true;
        services.server-scout.masterKeyFile = "/etc/server-scout/master-key";
        services.server-scout-agent = {
          enable = true;
          url = "https://scout.example.org";
          apiKeyFile = "/etc/server-scout-agent/api-key";
        };
      }
    ];
  };

  difference = import ./compare-units.nix {
    inherit lib;
    units = [
      {
        plain =
          builtins.readFile ../agent/server-scout-agent.service + builtins.readFile ../agent/egress.conf;
        module = host.config.systemd.units."server-scout-agent.service".text;
      }
      {
        plain = builtins.readFile ../api/server-scout.service;
        module = host.config.systemd.units."server-scout.service".text;
      }
      {
        plain = builtins.readFile ../api/server-scout-notify.service;
        module = host.config.systemd.units."server-scout-notify.service".text;
      }
      {
        plain = builtins.readFile ../api/server-scout.socket;
        module = host.config.systemd.units."server-scout.socket".text;
      }
    ];
  };
in
if difference == [ ] then
  pkgs.runCommand "server-scout-units" { } "touch $out"
else
  throw "the modules' units differ from the plain ones:\n${lib.concatStringsSep "\n" difference}"
