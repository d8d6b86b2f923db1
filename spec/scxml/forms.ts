/**
 * The cases in their forms: a machine of XState, an actor from a program, and an actor from a YAML
 * definition.
 *
 * @module
 */
import type { AnyStateMachine } from 'xstate';
import { defineActor, type ActorDefinition } from '../../actors/definition/definition.ts';
import { yamlDefinitionOf } from '../support/yaml-definitions.ts';
import { safeName, type Chart } from './chart.ts';
import { readChart } from './chart-reading.ts';
import { machineOf } from './machine.ts';
import { differenceOf, runPlainly, type Look } from './plain-run.ts';
import type { Case } from './suite.ts';
import { Unsupported } from './unsupported.ts';
import { yamlFormOf } from './yaml-form.ts';

/** A case whose machine reaches the states in XState that its file wants. */
export interface PassedCase extends Case {
	/** What is seen of it in XState. */
	readonly looks: readonly Look[];
	readonly program: ActorDefinition;
	/** Undefined if YAML definitions have no word for something in it. */
	readonly yaml: ActorDefinition | undefined;
}

/** The cases that are run, and why others are not. */
export interface SortedCases {
	readonly passed: readonly PassedCase[];
	/** Why there is no machine, by the names of cases. */
	readonly notConverted: ReadonlyMap<string, string>;
	/** What differs in XState, by the names of cases. */
	readonly otherInXState: ReadonlyMap<string, string>;
	/** Why there is no YAML definition, by the names of cases. */
	readonly notInYaml: ReadonlyMap<string, string>;
}

/** Converts all cases, and runs their machines in XState. */
export async function sortCases(cases: readonly Case[]): Promise<SortedCases> {
	const passed: PassedCase[] = [];
	const notConverted = new Map<string, string>();
	const otherInXState = new Map<string, string>();
	const notInYaml = new Map<string, string>();
	for (const each of cases) {
		const { name, steps } = each;
		const actor = safeName(name);
		const made = convert(name, notConverted, () => {
			const chart = readChart(each.text, (file) => each.load(file));
			return { chart, machine: machineOf(chart, actor) };
		});
		if (!made) continue;
		const looks = await runPlainly(made.machine, steps).catch((thrown: unknown) => String(thrown));
		const difference = typeof looks === 'string' ? looks : differenceOf(looks, steps);
		if (typeof looks === 'string' || difference !== undefined) {
			otherInXState.set(name, difference ?? '');
			continue;
		}
		const yaml = convert(name, notInYaml, () => yamlActor(made.chart, `yaml-${actor}`));
		passed.push({ ...each, looks, program: programActor(made.machine, actor), yaml });
	}
	return { passed, notConverted, otherInXState, notInYaml };
}

function convert<Made>(
	name: string,
	refused: Map<string, string>,
	make: () => Made,
): Made | undefined {
	try {
		return make();
	} catch (thrown) {
		if (!(thrown instanceof Unsupported)) throw thrown;
		refused.set(name, thrown.reason);
		return undefined;
	}
}

function programActor(machine: AnyStateMachine, name: string): ActorDefinition {
	return defineActor({ name, version: 1, autostart: true, machine });
}

function yamlActor(chart: Chart, name: string): ActorDefinition {
	return yamlDefinitionOf(yamlFormOf(chart, name));
}
