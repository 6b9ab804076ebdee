# services.server-scout-agent: the agent as a hardened service.
#
# The sandbox is read from the same file that the plain unit is compared with, so that the two cannot
# drift apart.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) mkOption types;

  cfg = config.services.server-scout-agent;
  sandbox = (builtins.fromJSON (builtins.readFile ../agent/sandbox.json)).Service;
  format = pkgs.formats.toml { };

  # The program runs where the configuration is built, which need not be the host that it is for.
  checker =
    if pkgs.stdenv.buildPlatform.canExecute pkgs.stdenv.hostPlatform then
      cfg.package
    else
      pkgs.buildPackages.server-scout-agent;

  tiers = {
    fast = {
      setting = "interval_seconds";
      from = 1;
      to = 60;
      default = 5;
    };
    medium = {
      setting = "medium_seconds";
      from = 5;
      to = 150;
      default = 30;
    };
    slow = {
      setting = "slow_seconds";
      from = 60;
      to = 1800;
      default = 300;
    };
    glacial = {
      setting = "glacial_seconds";
      from = 600;
      to = 86400;
      default = 3600;
    };
    daily = {
      setting = "daily_seconds";
      from = 3600;
      to = 604800;
      default = 86400;
    };
  };

  settings =
    cfg.settings
    // {
      inherit (cfg) url;
    }
    // lib.mapAttrs' (name: tier: lib.nameValuePair tier.setting cfg.tiers.${name}) tiers
    // lib.optionalAttrs (cfg.services != [ ]) { services = lib.concatStringsSep "," cfg.services; }
    // lib.optionalAttrs (cfg.withhold != [ ]) { withhold = lib.concatStringsSep "," cfg.withhold; }
    // lib.optionalAttrs (cfg.tags != [ ]) { inherit (cfg) tags; }
    // lib.optionalAttrs (cfg.caFile != null) { ca_file = toString cfg.caFile; };

  # What the agent would refuse when it starts fails the build of the host.
  settingsFile = pkgs.runCommand "server-scout-agent.toml" { } ''
    ${checker}/bin/server-scout-agent check-config --config ${format.generate "unchecked.toml" settings}
    cp ${format.generate "unchecked.toml" settings} $out
  '';

  inStore = path: lib.hasPrefix builtins.storeDir (toString path);
in
{
  options.services.server-scout-agent = {
    enable = lib.mkEnableOption "the Server Scout agent, which pushes this host's metrics to a dashboard";

    package = mkOption {
      type = types.package;
      default = pkgs.server-scout-agent;
      defaultText = lib.literalExpression "pkgs.server-scout-agent";
      description = "The package with the agent.";
    };

    url = mkOption {
      type = types.str;
      example = "https://scout.example.org:8443";
      description = "The dashboard's address. There is no way to send without verified TLS.";
    };

    apiKeyFile = mkOption {
      # No path type: a path would be copied to the store, where everyone can read it.
      type = types.nullOr types.str;
      default = null;
      example = "/run/secrets/server-scout-agent-key";
      description = ''
        The file on the host that holds this server's agent key. Only the service manager reads it,
        and hands it to the agent as a credential, so it can be closed to everybody but root. After
        the file has changed the service has to be restarted. Without one, the key is that of
        `server-scout-agent enrol`, in the state directory.
      '';
    };

    caFile = mkOption {
      type = types.nullOr types.path;
      default = null;
      example = lib.literalExpression "./scout-ca.pem";
      description = ''
        The CA to trust instead of the system's, which is `ca.pem` of a dashboard with a CA of its own.
        A CA is no secret, so it may lie in the store.
      '';
    };

    tiers = lib.mapAttrs (
      name: tier:
      mkOption {
        type = types.ints.between tier.from tier.to;
        inherit (tier) default;
        description = "Seconds between two readings of the ${name} tier.";
      }
    ) tiers;

    services = mkOption {
      type = types.listOf types.str;
      default = [ ];
      example = [
        "sshd"
        "nginx"
      ];
      description = "systemd units whose state is reported, at most 32; `sshd` is `sshd.service`.";
    };

    withhold = mkOption {
      type = types.listOf (
        types.enum [
          "sandbox"
          "services"
          "updates"
        ]
      );
      default = [ ];
      description = "What is not read and therefore never leaves this host.";
    };

    tags = mkOption {
      type = types.listOf types.str;
      default = [ ];
      example = [
        "web"
        "env:prod"
      ];
      description = "Tags of this server on the dashboard, at most 16.";
    };

    allowedAddresses = mkOption {
      type = types.listOf types.str;
      default = [ ];
      example = [
        "192.0.2.10"
        "192.0.2.53"
      ];
      description = ''
        The addresses of the dashboard and of the resolver. Where they are given, nothing else but this
        host itself can be reached (`IPAddressDeny=any`). Leave it empty where they are not fixed.
      '';
    };

    settings = mkOption {
      inherit (format) type;
      default = { };
      example = {
        log = "warn";
      };
      description = ''
        Further settings of the agent, as in its TOML file. The agent itself checks them when the host
        is built. No secret belongs here: the file is in the store.
      '';
    };
  };

  config = lib.mkIf cfg.enable {
    assertions = [
      {
        assertion = lib.hasPrefix "https://" cfg.url;
        message = ''
          services.server-scout-agent.url is "${cfg.url}"; expected an https:// address. The agent sends
          over verified TLS alone, and no option turns that off.
        '';
      }
      {
        assertion = cfg.apiKeyFile == null || !inStore cfg.apiKeyFile;
        message = ''
          services.server-scout-agent.apiKeyFile lies in the store, where everyone can read it. Give the
          path of a file on the host as a text, such as "/run/secrets/server-scout-agent-key".
        '';
      }
      {
        assertion = !(cfg.settings ? api_key || cfg.settings ? api_key_file);
        message = ''
          services.server-scout-agent.settings takes no key, as its file lies in the store; use
          services.server-scout-agent.apiKeyFile.
        '';
      }
    ];

    # For `enrol`.
    environment.systemPackages = [ cfg.package ];

    users.users.server-scout-agent = {
      description = "Server Scout agent";
      isSystemUser = true;
      group = "server-scout-agent";
    };
    users.groups.server-scout-agent = { };

    systemd.services.server-scout-agent = {
      description = "Server Scout agent";
      wantedBy = [ "multi-user.target" ];
      wants = [ "network-online.target" ];
      after = [
        "network-online.target"
        "nss-lookup.target"
      ];
      serviceConfig =
        sandbox
        // {
          Type = "notify";
          NotifyAccess = "main";
          ExecStart = "${cfg.package}/bin/server-scout-agent run --config ${settingsFile}";
          User = "server-scout-agent";
          Group = "server-scout-agent";
          StateDirectory = "server-scout-agent";
          StateDirectoryMode = "0700";
          Restart = "on-failure";
          RestartSec = 10;
          TimeoutStopSec = 10;
          WatchdogSec = 60;
          IPAddressDeny = "any";
          IPAddressAllow = [
            "localhost"
          ]
          ++ (if cfg.allowedAddresses == [ ] then [ "any" ] else cfg.allowedAddresses);
        }
        // lib.optionalAttrs (cfg.apiKeyFile != null) { LoadCredential = "api-key:${cfg.apiKeyFile}"; };
    };
  };
}
