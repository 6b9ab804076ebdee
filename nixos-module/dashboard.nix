# services.server-scout: the dashboard as a hardened, socket-activated service that connects to nothing, and
# beside it the service that sends.
#
# The sandboxes are read from the same files that the plain units are compared with.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) mkOption types;

  cfg = config.services.server-scout;
  sandboxOf = file: (builtins.fromJSON (builtins.readFile file)).Service;
  format = pkgs.formats.toml { };

  checker =
    if pkgs.stdenv.buildPlatform.canExecute pkgs.stdenv.hostPlatform then
      cfg.package
    else
      pkgs.buildPackages.server-scout;

  behindNginx = cfg.tls.mode == "nginx";
  dataDir = "/var/lib/server-scout";
  acmeDir = config.security.acme.certs.${cfg.tls.acmeHost}.directory;

  host =
    let
      found = builtins.match "https://([^/:]+|\\[[^]]+])(:[0-9]+)?/?" cfg.publicUrl;
    in
    if found == null then cfg.publicUrl else builtins.head found;
  socketAddress =
    let
      ip = if lib.hasInfix ":" cfg.address then "[${cfg.address}]" else cfg.address;
    in
    "${ip}:${toString cfg.port}";
  isLoopback = lib.hasPrefix "127." cfg.address || cfg.address == "::1";

  tls = {
    self-signed = {
      mode = "self-signed";
    };
    files = {
      mode = "files";
      cert_file = cfg.tls.certFile;
      key_file = cfg.tls.keyFile;
    };
    acme = {
      mode = "files";
      cert_file = "${acmeDir}/fullchain.pem";
      key_file = "${acmeDir}/key.pem";
    };
    nginx = {
      mode = "proxy";
    };
  };

  settings = lib.recursiveUpdate cfg.settings (
    {
      data_dir = dataDir;
      public_url = cfg.publicUrl;
      listen = if behindNginx then "unix:${socketFile}" else socketAddress;
      tls = tls.${cfg.tls.mode};
      outbound.mode = "separate";
    }
    # Who connects to the socket is nginx, which says who asks.
    // lib.optionalAttrs behindNginx {
      trusted_proxies = [
        "127.0.0.1/32"
        "::1/128"
      ];
    }
  );

  # The master key is a credential of each service's own.
  settingsOf =
    service:
    settings
    // lib.optionalAttrs (cfg.masterKeyFile != null) {
      master_key_file = "/run/credentials/${service}.service/master-key";
    };

  # What the dashboard would refuse when it starts fails the build of the host.
  settingsFile =
    service:
    let
      unchecked = format.generate "unchecked.toml" (settingsOf service);
    in
    pkgs.runCommand "${service}.toml" { } ''
      ${checker}/bin/server-scout check-config --config ${unchecked}
      cp ${unchecked} $out
    '';

  # What both services have: one user, one data directory, one way to start over.
  common =
    command: service:
    {
      Type = "notify";
      NotifyAccess = "main";
      ExecStart = "${cfg.package}/bin/server-scout ${command} --config ${settingsFile service}";
      User = "server-scout";
      Group = "server-scout";
      StateDirectory = "server-scout";
      StateDirectoryMode = "0700";
      Restart = "on-failure";
      RestartSec = 5;
      TimeoutStopSec = 30;
      WatchdogSec = 60;
    }
    // lib.optionalAttrs (cfg.masterKeyFile != null) {
      LoadCredential = "master-key:${cfg.masterKeyFile}";
    };

  notifySandbox = sandboxOf ../api/sandbox-notify.json;

  # The operator's commands, with the dashboard's own settings and as its user.
  command = pkgs.writeShellScriptBin "server-scout" ''
    export SERVERSCOUT_CONFIG=${settingsFile "server-scout"}
    if [ "$(${pkgs.coreutils}/bin/id --user)" = 0 ]; then
      cd ${dataDir}
      exec ${pkgs.util-linux}/bin/runuser --user server-scout -- ${cfg.package}/bin/server-scout "$@"
    fi
    exec ${cfg.package}/bin/server-scout "$@"
  '';

  socketFile = "/run/server-scout.sock";
  inStore = path: path != null && lib.hasPrefix builtins.storeDir (toString path);
in
{
  options.services.server-scout = {
    enable = lib.mkEnableOption "the Server Scout dashboard, which agents push their metrics to";

    package = mkOption {
      type = types.package;
      default = pkgs.server-scout;
      defaultText = lib.literalExpression "pkgs.server-scout";
      description = "The package with the dashboard.";
    };

    publicUrl = mkOption {
      type = types.str;
      default = "https://localhost:8443";
      example = "https://scout.example.org";
      description = "What browsers and agents use: `https://`, a host, perhaps a port, and nothing else.";
    };

    address = mkOption {
      type = types.str;
      default = "127.0.0.1";
      example = "0.0.0.0";
      description = "The address to listen on. Behind nginx it is a Unix socket instead.";
    };

    port = mkOption {
      type = types.port;
      default = 8443;
      description = "The port to listen on. systemd binds it, so ports below 1024 are possible, too.";
    };

    openFirewall = mkOption {
      type = types.bool;
      default = false;
      description = "Whether to open the port, or 80 and 443 behind nginx, in the firewall.";
    };

    tls = {
      mode = mkOption {
        type = types.enum [
          "self-signed"
          "files"
          "acme"
          "nginx"
        ];
        default = "self-signed";
        description = ''
          Where the certificate comes from. `self-signed`: a CA of the dashboard's own, which agents are
          told of when they enrol. `files`: files of yours. `acme`: a certificate of `security.acme`.
          `nginx`: a virtual host of nginx in front, with a certificate by ACME, and a Unix socket between.
        '';
      };

      certFile = mkOption {
        type = types.nullOr types.str;
        default = null;
        example = "/var/lib/certificates/scout.pem";
        description = "For `files`: the chain, PEM. It is read again when it changes.";
      };

      keyFile = mkOption {
        type = types.nullOr types.str;
        default = null;
        example = "/var/lib/certificates/scout.key";
        description = "For `files`: the private key, PEM, readable by the group `server-scout` alone.";
      };

      acmeHost = mkOption {
        type = types.str;
        default = host;
        defaultText = "the host of `publicUrl`";
        description = "For `acme`: which of `security.acme.certs` to use.";
      };
    };

    masterKeyFile = mkOption {
      type = types.nullOr types.str;
      default = null;
      example = "/var/lib/secrets/server-scout-master-key";
      description = ''
        The file on the host that holds the key which seals secrets; `server-scout master-key new`
        makes one. Only the service manager reads it, and hands it to the dashboard as a credential.
        Without one, a key is made beside the database, where backups take both: that is for a trial.
      '';
    };

    settings = mkOption {
      inherit (format) type;
      default = { };
      example = {
        limits.servers = 200;
        smtp = {
          host = "mail.example.org";
          from = "Server Scout <scout@example.org>";
        };
      };
      description = ''
        Further settings of the dashboard, as in its TOML file. The dashboard itself checks them when the
        host is built. No secret belongs here: the file is in the store.
      '';
    };
  };

  config = lib.mkIf cfg.enable {
    assertions = [
      {
        assertion = lib.hasPrefix "https://" cfg.publicUrl;
        message = ''
          services.server-scout.publicUrl is "${cfg.publicUrl}"; expected an https:// address. Nothing is
          served in the clear; with tls.mode = "nginx" the address is that of nginx.
        '';
      }
      {
        assertion = cfg.tls.mode == "files" -> (cfg.tls.certFile != null && cfg.tls.keyFile != null);
        message = ''services.server-scout.tls.mode = "files" needs both tls.certFile and tls.keyFile.'';
      }
      {
        assertion = cfg.tls.mode != "files" -> (cfg.tls.certFile == null && cfg.tls.keyFile == null);
        message = ''
          services.server-scout.tls.certFile and tls.keyFile are for tls.mode = "files" alone; it is
          "${cfg.tls.mode}".
        '';
      }
      {
        assertion = !inStore cfg.tls.keyFile;
        message = ''
          services.server-scout.tls.keyFile lies in the store, where everyone can read it. Give the path of
          a file on the host as a text.
        '';
      }
      {
        assertion = !inStore cfg.masterKeyFile;
        message = ''
          services.server-scout.masterKeyFile lies in the store, where everyone can read it. Give the path
          of a file on the host as a text.
        '';
      }
      {
        assertion = cfg.openFirewall -> (behindNginx || !isLoopback);
        message = ''
          services.server-scout.openFirewall opens port ${toString cfg.port}, but the dashboard listens on
          ${cfg.address} alone; set services.server-scout.address, for example to "0.0.0.0".
        '';
      }
      {
        assertion =
          builtins.intersectAttrs {
            data_dir = null;
            public_url = null;
            listen = null;
            tls = null;
            master_key_file = null;
          } cfg.settings == { };
        message = ''
          services.server-scout.settings holds data_dir, public_url, listen, tls or master_key_file, which
          the module sets; use its own options for them.
        '';
      }
      {
        assertion = (cfg.settings.outbound.mode or "separate") == "separate";
        message = ''
          services.server-scout.settings.outbound.mode is "${cfg.settings.outbound.mode}", and the dashboard's
          service has no way out; leave it to server-scout-notify.service, which sends.
        '';
      }
    ];

    environment.systemPackages = [ command ];

    users.users.server-scout = {
      description = "Server Scout dashboard";
      isSystemUser = true;
      group = "server-scout";
    };
    users.groups.server-scout = { };

    networking.firewall.allowedTCPPorts = lib.mkIf cfg.openFirewall (
      if behindNginx then
        [
          80
          443
        ]
      else
        [ cfg.port ]
    );

    services.nginx = lib.mkIf behindNginx {
      enable = true;
      virtualHosts.${host} = {
        forceSSL = true;
        enableACME = lib.mkDefault true;
        locations."/" = {
          proxyPass = "http://unix:${socketFile}";
          recommendedProxySettings = false;
          # Live pages are streams: nothing may wait in a buffer, and they last.
          extraConfig = ''
            proxy_set_header Host $host;
            proxy_set_header X-Forwarded-For $remote_addr;
            proxy_set_header Connection "";
            proxy_http_version 1.1;
            proxy_buffering off;
            proxy_read_timeout 1h;
            client_max_body_size 1m;
          '';
        };
      };
    };

    systemd.sockets.server-scout = {
      description = "Server Scout dashboard, its port";
      wantedBy = [ "sockets.target" ];
      listenStreams = [ (if behindNginx then socketFile else socketAddress) ];
      socketConfig = {
        Backlog = 1024;
      }
      // lib.optionalAttrs (!behindNginx) { NoDelay = "yes"; }
      # Whoever connects to the proxy's socket may say whom it speaks for.
      // lib.optionalAttrs behindNginx {
        SocketMode = "0660";
        SocketUser = "root";
        SocketGroup = config.services.nginx.group;
      };
    };

    systemd.services.server-scout = {
      description = "Server Scout dashboard";
      # Not only on demand: it watches for silence, folds and deletes when nobody asks.
      wantedBy = [ "multi-user.target" ];
      requires = [ "server-scout.socket" ];
      wants = [
        "server-scout-notify.service"
      ]
      ++ lib.optional (cfg.tls.mode == "acme") "acme-${cfg.tls.acmeHost}.service";
      after = [
        "server-scout.socket"
      ]
      ++ lib.optional (cfg.tls.mode == "acme") "acme-${cfg.tls.acmeHost}.service";
      serviceConfig =
        sandboxOf ../api/sandbox.json
        // common "serve" "server-scout"
        // {
          RuntimeDirectory = "server-scout";
          RuntimeDirectoryMode = "0750";
          # Free memory is kept in two places by the C library, not in one for each thread.
          Environment = "MALLOC_ARENA_MAX=2";
          # The one-time link to the first owner is printed, and must stand in no log: make owners by
          # `server-scout user add`.
          StandardOutput = "null";
          StandardError = "journal";
        }
        // lib.optionalAttrs (cfg.tls.mode == "acme") {
          SupplementaryGroups = [ config.security.acme.certs.${cfg.tls.acmeHost}.group ];
        };
    };

    systemd.services.server-scout-notify = {
      description = "Server Scout, what the dashboard sends";
      partOf = [ "server-scout.service" ];
      wants = [ "network-online.target" ];
      after = [
        "network-online.target"
        "nss-lookup.target"
        "server-scout.service"
      ];
      serviceConfig =
        notifySandbox
        // common "notify" "server-scout-notify"
        // {
          # It needs no private key, wherever that is.
          InaccessiblePaths = [
            notifySandbox.InaccessiblePaths
          ]
          ++ lib.optional (cfg.tls.mode == "files") "-${cfg.tls.keyFile}"
          ++ lib.optional (cfg.tls.mode == "acme") "-${acmeDir}";
        };
    };
  };
}
