/**
 * The systemd unit of a node, and how it confines a node that runs commands.
 *
 * By default it keeps the permissions of its user, because the commands of messages may need any of
 * them. A confined one runs as the user `reeve`, gains no privileges, sees the system read-only and
 * no home folders and devices, and may write only its own folders: enough for inventories, checks
 * and programs of its own, and not for `systemctl`, `apt` or `sudo`. Memory that is written and run
 * stays allowed, since JavaScript needs it.
 *
 * @module
 */

/** The settings of the unit. */
export interface UnitParts {
	/** The command line of the program. */
	readonly command: readonly string[];
	readonly configFolder: string;
	/** Seconds that running methods have at a stop. */
	readonly stopTimeout: number;
	/** Whether the node and its commands may do no more than a confined one needs. */
	readonly isConfined?: boolean;
}

/**
 * The unit as text. systemd creates the folders, and stops the node with SIGTERM; unfinished work
 * stays in the journal.
 */
export function systemdUnit(parts: UnitParts): string {
	const { command, configFolder, stopTimeout, isConfined = false } = parts;
	const flag = isConfined ? ' --confined' : '';
	const start = [...command, 'run'].map(quoted).join(' ');
	return `# /etc/systemd/system/reeve.service, made by: reeve install systemd --print${flag}
[Unit]
Description=reeve node
Wants=network-online.target
After=network-online.target

[Service]
Type=exec
ExecStart=${start}
Environment=CONFIG_FOLDER=${quoted(configFolder)}
# Relative folders of the configuration are below this one.
WorkingDirectory=/var/lib/reeve
StateDirectory=reeve
StateDirectoryMode=0700
RuntimeDirectory=reeve
Restart=always
RestartSec=2
# More than the ${stopTimeout} seconds of stopTimeout, after which running methods are killed.
TimeoutStopSec=${stopTimeout + 15}
# At the end of the node, by a crash as well, all that is left in its control group is killed, and
# so are processes that have left the group of their command.
KillMode=mixed
SendSIGKILL=yes
RuntimeDirectoryMode=0700
UMask=0077
ProtectKernelModules=yes
ProtectControlGroups=yes
RestrictRealtime=yes
LockPersonality=yes
${isConfined ? confinement(configFolder) : freedom}
[Install]
WantedBy=multi-user.target
`;
}

/** What a unit says that leaves commands the permissions of their user. */
const freedom = `# Messages run commands of the operator's choice, with all permissions
# of this user. See also: reeve install systemd --print --confined
NoNewPrivileges=no
`;

/** What a unit says that leaves commands only what a node itself needs, and its own folders. */
function confinement(configFolder: string): string {
	return `# The user is made by: useradd --system --home-dir /var/lib/reeve reeve
# and owns the configuration: install -d -o reeve -g reeve -m 0700 ${configFolder}
# Commands of messages are confined as the node is. What yours need beyond it: allow it here.
User=reeve
Group=reeve
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
ProtectSystem=strict
ReadWritePaths=${quoted(configFolder)}
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
ProtectProc=invisible
ProtectKernelTunables=yes
ProtectKernelLogs=yes
ProtectHostname=yes
ProtectClock=yes
RestrictSUIDSGID=yes
RestrictNamespaces=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
RemoveIPC=yes
KeyringMode=private
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM
# Not MemoryDenyWriteExecute: JavaScript is compiled while it runs.
`;
}

/** A word quoted for systemd, which gives percent signs and quotes a meaning. */
function quoted(word: string): string {
	const escaped = word.replaceAll('%', '%%');
	return /^[\w@%+=:,./-]+$/.test(escaped) ? escaped : `"${escaped.replaceAll(/(["\\])/g, '\\$1')}"`;
}
