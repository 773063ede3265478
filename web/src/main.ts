// Starts the page. Fonts and tokens first, so that nothing is painted without them.

import './fonts.css';
import './app.css';
import { mount } from 'svelte';
import App from './App.svelte';
import './state/theme.svelte';
import { incidents } from './state/incidents.svelte';
import { live } from './state/live.svelte';
import { session } from './state/session.svelte';

session.start();
live.start();
incidents.start();
const target = document.getElementById('app');
if (target) mount(App, { target });
