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
  cfg = config.services.server-scout-agent;
  sandbox = (builtins.fromJSON (builtins.readFile ../agent/sandbox.json)).Service;
  format = pkgs.formats.toml { };
  settings =
    cfg.settings
    // {
      inherit (cfg) url;
    }
    // lib.optionalAttrs (cfg.caFile != null) { ca_file = toString cfg.caFile; };
in
{
  options.services.server-scout-agent = {
    enable = lib.mkEnableOption "the Server Scout agent, which pushes this host's metrics to a dashboard";

    package = lib.mkOption {
      type = lib.types.package;
      default = pkgs.server-scout-agent;
      defaultText = lib.literalExpression "pkgs.server-scout-agent";
      description = "The package with the agent.";
    };

    url = lib.mkOption {
      type = lib.types.strMatching "https://.+";
      example = "https://scout.example.org";
      description = "The dashboard's address. There is no way to send without verified TLS.";
    };

    apiKeyFile = lib.mkOption {
      # No path type: a path would be copied to the store, where everyone can read it.
      type = lib.types.nullOr lib.types.str;
      default = null;
      example = "/run/secrets/server-scout-agent-key";
      description = ''
        The file on the host that holds this server's agent key. Only the service manager reads it,
        and hands it to the agent as a credential. Without one, the key is that of
        `server-scout-agent enrol`, in the state directory.
      '';
    };

    caFile = lib.mkOption {
      type = lib.types.nullOr lib.types.path;
      default = null;
      description = "The CA to trust instead of the system's. A CA is no secret.";
    };

    settings = lib.mkOption {
      type = format.type;
      default = { };
      example = {
        interval_seconds = 10;
        tags = [
          "web"
          "env:prod"
        ];
      };
      description = "Further settings of the agent, as in its TOML file. No secret belongs here.";
    };
  };

  config = lib.mkIf cfg.enable {
    assertions = [
      {
        assertion = cfg.apiKeyFile == null || !lib.hasPrefix builtins.storeDir cfg.apiKeyFile;
        message = "services.server-scout-agent.apiKeyFile lies in the store, where everyone can read it.";
      }
      {
        assertion = !(cfg.settings ? api_key || cfg.settings ? api_key_file);
        message = "services.server-scout-agent.settings takes no key; use apiKeyFile.";
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
      serviceConfig = sandbox // {
        Type = "notify";
        NotifyAccess = "main";
        ExecStart = "${cfg.package}/bin/server-scout-agent run --config ${format.generate "server-scout-agent.toml" settings}";
        LoadCredential = lib.optional (cfg.apiKeyFile != null) "api-key:${cfg.apiKeyFile}";
        User = "server-scout-agent";
        Group = "server-scout-agent";
        StateDirectory = "server-scout-agent";
        StateDirectoryMode = "0700";
        Restart = "on-failure";
        RestartSec = 10;
        TimeoutStopSec = 10;
        WatchdogSec = 60;
      };
    };
  };
}
