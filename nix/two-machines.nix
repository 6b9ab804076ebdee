# A dashboard and an agent, each on a machine of its own.
self:
{ pkgs, ... }:
let
  dashboard = "https://dashboard:8443";
in
{
  name = "server-scout";

  # The overlay is the modules' own; the test's machines make their packages themselves.
  node.pkgsReadOnly = false;

  nodes.dashboard = {
    imports = [ self.nixosModules.dashboard ];
    services.server-scout = {
      enable = true;
      publicUrl = dashboard;
      address = "0.0.0.0";
      openFirewall = true;
      masterKeyFile = "/etc/server-scout-master-key";
    };
    systemd.services.make-master-key = {
      requiredBy = [ "server-scout.service" ];
      before = [ "server-scout.service" ];
      serviceConfig.Type = "oneshot";
      script = "${pkgs.server-scout}/bin/server-scout master-key new --file /etc/server-scout-master-key";
    };
    environment.systemPackages = [
      pkgs.curl
      pkgs.jq
    ];
  };

  nodes.agent = {
    imports = [ self.nixosModules.agent ];
    services.server-scout-agent = {
      enable = true;
      url = dashboard;
      services = [ "sshd" ];
    };
    services.openssh.enable = true;
    # It starts once it is enrolled.
    systemd.services.server-scout-agent.unitConfig.ConditionPathExists =
      "/var/lib/server-scout-agent/api-key";
  };

  testScript = builtins.readFile ./two-machines.py;
}
