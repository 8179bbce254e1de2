/** The scripted driver under another name, for tests with two drivers. */
import scripted from './scripted-driver.fixture.js';

export default { ...scripted, name: 'newcomer' };
